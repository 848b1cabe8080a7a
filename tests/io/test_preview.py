"""The slide of a reopened prediction is the one it was made of, or its thumbnail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import napari_stem as stem
from napari_stem.errors import SlideUnreadable
from napari_stem.io.preview import PreviewSlide, slide_of
from napari_stem.slides.slide import open_slide


@pytest.fixture
def path(sections, tmp_path: Path) -> Path:
    Image.fromarray(np.asarray(sections[2].slide.levels[0])).save(tmp_path / "slide.png")
    return tmp_path / "slide.png"


@pytest.fixture
def prediction(sections, trained, path: Path):
    with open_slide(path, mpp=0.5) as slide:
        spots = sections[2].spots[:3].copy()
        return stem.predict(slide, spots, trained.checkpoint, n_draws=2, steps=2, cache=False)


def test_the_file_is_found_where_it_was_or_beside_the_prediction(prediction, path, tmp_path):
    assert slide_of(prediction, tmp_path).path == path
    (tmp_path / "moved").mkdir()
    moved = path.rename(tmp_path / "moved" / path.name)
    with slide_of(prediction, tmp_path / "moved") as slide:
        assert (slide.path, slide.mpp, slide.notes) == (moved, 0.5, ())


def test_another_slide_of_the_same_name_and_size_is_not_taken(prediction, path, tmp_path):
    with Image.open(path) as image:
        Image.fromarray(255 - np.asarray(image)).save(path)
    found = slide_of(prediction, tmp_path)
    assert isinstance(found, PreviewSlide)
    assert found.notes == (f"'{path}' is another slide than that of the prediction.",)
    expected = prediction.uns["spatial"]["section-2"]["images"]["hires"]
    np.testing.assert_array_equal(np.asarray(found.levels[1]), expected)
    with pytest.raises(SlideUnreadable, match="Only the thumbnail"):
        found.read_region(0, 0, 5, 5)
