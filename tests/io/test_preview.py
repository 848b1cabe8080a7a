"""The slide of a prediction is found again, or its thumbnail stands in for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from PIL import Image

from napari_stem.errors import SlideUnreadable
from napari_stem.io.preview import PreviewSlide, slide_of

WIDTH, HEIGHT, DOWNSAMPLE = 2000, 1600, 2.5


@pytest.fixture
def pictured(prediction: AnnData, tmp_path: Path) -> AnnData:
    """A prediction of a slide that lies on the disk."""
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    path = tmp_path / "slides" / "C5.png"
    path.parent.mkdir()
    image = Image.fromarray(pixels)
    image.save(path)
    entry = prediction.uns["spatial"]["C5"]
    entry["images"] = {"hires": np.asarray(image.resize((800, 640)))}
    entry["scalefactors"]["tissue_hires_scalef"] = 1 / DOWNSAMPLE
    prediction.uns["napari_stem"] |= {"slide": "biopsy", "mpp": 0.5, "slide_path": str(path)}
    return prediction


def test_the_slide_is_opened_where_it_was(pictured: AnnData, tmp_path: Path):
    with slide_of(pictured, tmp_path) as slide:
        assert str(slide.path) == pictured.uns["napari_stem"]["slide_path"]
        assert (slide.name, slide.mpp) == ("biopsy", 0.5)


def test_the_slide_is_found_beside_the_prediction(pictured: AnnData, tmp_path: Path):
    folder = (tmp_path / "slides").rename(tmp_path / "moved")
    with slide_of(pictured, folder) as slide:
        assert slide.path == folder / "C5.png"


@pytest.mark.parametrize("size", [None, (1000, 800)], ids=["gone", "another"])
def test_a_thumbnail_stands_in_at_the_size_and_scale_of_the_slide(
    pictured: AnnData, tmp_path: Path, size: tuple[int, int] | None
):
    path = Path(pictured.uns["napari_stem"]["slide_path"])
    path.unlink()
    if size:
        Image.new("RGB", size).save(path)
    slide = slide_of(pictured, tmp_path)
    assert isinstance(slide, PreviewSlide)
    assert (slide.width, slide.height, slide.mpp) == (WIDTH, HEIGHT, 0.5)
    picture = pictured.uns["spatial"]["C5"]["images"]["hires"]
    np.testing.assert_array_equal(slide.levels[1], picture)
    rows, columns = np.array([0, 5, HEIGHT - 1]), np.array([0, 7, WIDTH - 1])
    full = slide.levels[0][:, :, :]
    for row, column in zip(rows, columns, strict=True):
        expected = picture[int(row / DOWNSAMPLE), int(column / DOWNSAMPLE)]
        np.testing.assert_array_equal(full[row, column], expected)
    np.testing.assert_array_equal(slide.levels[0][3:9, 5:9], full[3:9, 5:9])


def test_a_thumbnail_is_refused_where_detail_matters(pictured: AnnData, tmp_path: Path):
    Path(pictured.uns["napari_stem"]["slide_path"]).unlink()
    slide = slide_of(pictured, tmp_path)
    for stand_in in (slide, slide.with_mpp(1.0)):
        with pytest.raises(SlideUnreadable, match=r"Only the thumbnail .* Open the slide's file"):
            stand_in.read_region(0, 0, 10, 10)


def test_a_thumbnail_of_full_size_is_the_slide(pictured: AnnData, tmp_path: Path):
    pictured.uns["napari_stem"]["slide_path"] = ""
    pictured.uns["spatial"]["C5"]["scalefactors"]["tissue_hires_scalef"] = 1.0
    slide = slide_of(pictured, tmp_path)
    assert slide.read_region(0, 0, 10, 10).shape == (10, 10, 3)
