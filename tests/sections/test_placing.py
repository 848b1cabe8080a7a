"""Spots come to lie where they were measured, or are refused: right places are the test."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import tifffile
from anndata import AnnData
from numpy.typing import NDArray
from PIL import Image

from napari_stem.errors import SlideNotFound, SpotsContradictSlide, SpotsOutsideSlide
from napari_stem.sections.opening import Opening
from napari_stem.sections.section import open_section
from napari_stem.spots.grid import lattice
from napari_stem.spots.notes import notes_of
from napari_stem.spots.table import positions, spot_table

SIDE, PITCH = 1600, 50  # pixels; at 2 µm a pixel, a Visium array
FACTOR = 0.25


@cache
def picture(width: int = SIDE, height: int = SIDE) -> NDArray[np.uint8]:
    """White glass with a pink, textured piece of tissue right of and below the middle."""
    y, x = np.mgrid[:height, :width]
    inside = ((x - 0.65 * width) / (0.3 * width)) ** 2 + (
        (y - 0.55 * height) / (0.2 * height)
    ) ** 2 < 1
    random = np.random.default_rng(3)
    noise = np.kron(random.normal(0, 12, (height // 8 + 1, width // 8 + 1)), np.ones((8, 8)))
    noise = noise[:height, :width]
    pink = np.stack([205 + noise, 120 + 1.5 * noise, 175 + noise], -1)
    glass = np.full((height, width, 3), 244.0) + random.normal(0, 0.6, (height, width, 1))
    return np.where(inside[..., None], pink, glass).clip(0, 255).astype(np.uint8)


def on_tissue() -> NDArray[np.float64]:
    xy = lattice(SIDE, SIDE, PITCH)
    return xy[
        ((xy - [0.65 * SIDE, 0.55 * SIDE]) ** 2 / (np.array([0.27, 0.17]) * SIDE) ** 2).sum(1) < 1
    ]


def table(xy: NDArray[np.float64]) -> AnnData:
    counts = np.random.default_rng(0).poisson(5, (len(xy), 3)).astype(np.float32)
    spots = spot_table(xy, diameter_px=27, counts=counts, genes=["A", "B", "C"], library="brain")
    spots.uns["spatial"]["brain"]["scalefactors"]["tissue_hires_scalef"] = FACTOR
    return spots


def write(folder: Path, xy: NDArray[np.float64], image: NDArray[np.uint8]) -> tuple[Path, Path]:
    table(xy).write_h5ad(folder / "x.h5ad")
    Image.fromarray(image).save(folder / "HE.png", compress_level=1)
    return folder / "x.h5ad", folder / "HE.png"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path, on_tissue(), picture())


def test_spots_on_tissue_stay_where_they_are(files: tuple[Path, Path]):
    with open_section(files[0], image=files[1], pitch_um=100) as section:
        np.testing.assert_array_equal(positions(section.spots), on_tissue())
        assert section.slide.mpp == pytest.approx(2, rel=1e-3)
        assert "100 % of the spots lie on detected tissue" in section.notes
        assert any("by the spot pitch of 100 µm (50.0 px) alone" in note for note in section.notes)


def test_one_spot_beyond_the_image_moves_no_other(tmp_path: Path):
    xy = np.vstack([on_tissue(), [[SIDE + 5, 800]]])
    path, image = write(tmp_path, xy, picture())
    with open_section(path, image=image) as section:
        np.testing.assert_array_equal(positions(section.spots), xy[:-1])
        assert f"1 of {len(xy)} spots lie outside the slide and are left out" in section.notes


def test_many_spots_beyond_the_image_are_refused(tmp_path: Path):
    path, image = write(tmp_path, np.add(on_tissue(), [500, 0]), picture())
    with pytest.raises(SpotsOutsideSlide, match=r"lie outside 'x' .*HE\.png'"):
        open_section(path, image=image)


def test_an_unrelated_picture_is_not_taken_for_the_slide(tmp_path: Path):
    (tmp_path / "umap.png").touch()
    path, _ = write(tmp_path, on_tissue(), picture())
    Image.fromarray(picture(400, 300)).save(tmp_path / "umap.png")  # holds all at the factor
    with pytest.raises(SpotsOutsideSlide, match="full-resolution"):
        open_section(path, image=tmp_path / "umap.png")


def test_a_picture_is_known_by_the_size_that_its_factor_gives_it(tmp_path: Path):
    spots, small = table(on_tissue()), picture()[::4, ::4]
    spots.uns["spatial"]["brain"]["images"] = {"hires": small}
    spots.write_h5ad(tmp_path / "x.h5ad")
    Image.fromarray(small).save(tmp_path / "nameless.png")
    with open_section(tmp_path / "x.h5ad", image=tmp_path / "nameless.png") as section:
        np.testing.assert_allclose(positions(section.spots), FACTOR * on_tissue())
        assert any("tissue_hires_scalef = 0.25" in note for note in section.notes)
    Image.fromarray(picture()[::2, ::2]).save(tmp_path / "half.png")
    with pytest.raises(SpotsContradictSlide, match=r"800 x 800 px.*1,600 x 1,600.*0\.5 times"):
        open_section(tmp_path / "x.h5ad", image=tmp_path / "half.png")
    Image.fromarray(picture(SIDE, SIDE + 200)).save(tmp_path / "other.png")
    trusted = Opening(trust_positions=True)
    with open_section(
        tmp_path / "x.h5ad", image=tmp_path / "other.png", opening=trusted
    ) as section:
        np.testing.assert_array_equal(positions(section.spots), on_tissue())
        assert any("although: 'x' has 1,600 x 1,800 px" in note for note in section.notes)


def test_the_slide_s_scale_and_the_pitch_must_agree(tmp_path: Path):
    path, image = write(tmp_path, on_tissue(), picture())
    tagged = tmp_path / "slide.tif"
    Image.open(image).save(tagged, dpi=(25_400, 25_400))  # 1 µm a pixel
    with pytest.raises(SpotsContradictSlide, match=r"1 µm/px by the slide .* 2 µm/px by the spot"):
        open_section(path, image=tagged, pitch_um=100)
    with open_section(path, image=tagged, pitch_um=50) as section:
        assert section.slide.mpp == pytest.approx(1)
        assert any("scales agree" in note for note in section.notes)
    with open_section(path, image=tagged, pitch_um=100, mpp=2) as section:
        assert section.slide.mpp == 2
    with open_section(path, image=tagged, pitch_um=100, mpp=1) as section:
        assert section.slide.mpp == 1
        assert any("contradict each other" in note for note in section.notes)


ARRANGED = {
    "x and y swapped": lambda xy: xy[:, ::-1],
    "mirrored from left to right": lambda xy: [SIDE, 0] - xy * [1, -1],
    "mirrored from top to bottom": lambda xy: [0, SIDE] - xy * [-1, 1],
    "turned by 180 degrees": lambda xy: SIDE - xy,
}


@pytest.mark.parametrize("how", ARRANGED)
def test_arrays_in_another_arrangement_are_refused(tmp_path: Path, how: str):
    path, image = write(tmp_path, ARRANGED[how](on_tissue()), picture())
    with pytest.raises(SpotsContradictSlide, match=f"would if they were .*{how}"):
        open_section(path, image=image)
    with open_section(path, image=image, opening=Opening(trust_positions=True)) as section:
        np.testing.assert_allclose(positions(section.spots), ARRANGED[how](on_tissue()))
        assert any(note.startswith("positions are trusted") for note in section.notes)


def test_spots_in_another_unit_are_refused(tmp_path: Path):
    path, image = write(tmp_path, on_tissue() / 4, picture())  # the upper left quarter
    with pytest.raises(SpotsContradictSlide, match=r"pixels of a smaller image .* = 0\.25"):
        open_section(path, image=image)


def test_what_was_found_is_kept_in_files(files: tuple[Path, Path], tmp_path: Path):
    with open_section(files[0], image=files[1]) as section:
        section.spots.write_h5ad(tmp_path / "again.h5ad")
        with open_section(tmp_path / "again.h5ad", image=files[1]) as again:
            assert again.notes == section.notes == notes_of(again.spots)


def test_a_folder_with_one_table_and_one_image_is_a_section(files: tuple[Path, Path]):
    with open_section(files[0].parent) as section:
        assert section.slide.path == files[1]
        np.testing.assert_array_equal(positions(section.spots), on_tissue())


def test_several_images_are_listed_with_their_sizes(tmp_path: Path):
    write(tmp_path, on_tissue(), picture())
    (tmp_path / "HE.png").rename(tmp_path / "one.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "two.png")
    (tmp_path / "x.h5ad").rename(tmp_path / "spots.h5ad")
    with pytest.raises(SlideNotFound, match=r"one\.png \(1,600 x 1,600 px\), two\.png \(30 x 20"):
        open_section(tmp_path)


def test_the_picture_of_a_file_can_be_chosen(tmp_path: Path):
    path, _ = write(tmp_path, on_tissue(), picture())
    image = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(image, ome=True) as tiff:
        for pixels in (picture(SIDE, SIDE + 200), picture()):
            tiff.write(pixels, photometric="rgb", metadata={"axes": "YXS"})
    with open_section(path, image=image, opening=Opening(picture="1")) as section:
        assert (section.slide.width, section.slide.picture) == (SIDE, 1)
