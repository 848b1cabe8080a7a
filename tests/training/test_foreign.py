"""Whether spots unlike the training tissue are told, and those of a like section are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData
from PIL import Image, ImageFilter
from skimage.data import immunohistochemistry

import napari_stem as stem
from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.evaluation.folds import folds
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.prediction.trust import are_foreign
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.grid import make_grid

WARNED = 0.1  # share of the spots from which a prediction warns


@pytest.fixture(scope="module")
def conditions(sections: list[Section], recipe: Recipe) -> list[Condition]:
    """What was learned from one section, and from two."""
    pair = finish(iter_paired_data(sections[:2], recipe, Compute()))
    one = finish(iter_paired_data(sections[:1], recipe, Compute()))
    return [
        Condition.fit(known.original, components=8, apart=folds(known)) for known in (one, pair)
    ]


@pytest.fixture(scope="module")
def starter() -> Checkpoint:
    """Breast cancer, from sections C2 to C5 of HER2ST."""
    return load_checkpoint("starter")


def share(conditions: list[Condition], recipe: Recipe, slide: Slide, spots: AnnData) -> list[float]:
    """Share of the spots that are told, by each condition."""
    found = finish(iter_embed_as(recipe, slide, spots))[:, 0]
    return [float(are_foreign(condition.ood(found)).mean()) for condition in conditions]


def spoilt(slide: Slide, pixels: np.ndarray) -> Slide:
    return Slide.from_array(np.ascontiguousarray(pixels), mpp=slide.mpp, name="spoilt")


def test_a_like_section_is_not_told_and_spoilt_copies_of_it_are(
    conditions: list[Condition], recipe: Recipe, sections: list[Section]
):
    slide = sections[2].slide
    pixels = np.asarray(slide.levels[0])
    picture = Image.fromarray(pixels)
    inked = pixels.copy()
    inked[::3] = inked[1::3] = (25, 60, 150)
    of_one, of_two = share(conditions, recipe, slide, sections[2].spots)
    assert of_two <= 0.1
    assert of_one <= 0.25  # strips of a single section resemble each other
    blurred = picture.filter(ImageFilter.GaussianBlur(4 / slide.require_mpp()))
    glass, other_stain = np.full_like(pixels, 240), pixels[..., ::-1]
    for copy in (glass, inked, np.asarray(blurred), other_stain):
        assert min(share(conditions, recipe, spoilt(slide, copy), sections[2].spots[:5])) == 1


def test_another_organ_and_another_magnification_are_told(
    conditions: list[Condition], starter: Checkpoint, recipe: Recipe, sections: list[Section]
):
    slide = sections[2].slide
    reduced = slide.with_mpp(2 * slide.require_mpp())
    assert min(share(conditions, recipe, reduced, sections[2].spots)) > WARNED
    colon = Slide.from_array(immunohistochemistry(), mpp=0.5, name="colon")
    spots = make_grid(colon, pitch_um=80, on_tissue=False)
    assert share([starter.condition], starter.recipe, colon, spots) == [1]


@pytest.mark.data
def test_the_starter_checkpoint_tells_a_brain_and_its_own_tissue_at_twice_its_size(
    data_dir: Path, starter: Checkpoint
):
    known = [starter.condition], starter.recipe
    brain = open_slide(data_dir / "squidpy_mouse_brain_crop" / "HE.jpg", mpp=0.73)
    assert share(*known, brain, make_grid(brain, pitch_um=300)) == [1]
    with stem.read_section(data_dir / "her2st" / "C5") as section:
        spots, slide = section.spots[::12].copy(), section.slide
        enlarged = slide.with_mpp(slide.require_mpp() / 2)
        assert share(*known, enlarged, spots)[0] > 2 * WARNED
        assert share(*known, slide, spots)[0] <= WARNED
