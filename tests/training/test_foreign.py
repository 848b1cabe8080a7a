"""Whether spots unlike the training tissue are told, and those of a like section are not."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData
from PIL import Image, ImageFilter

from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.evaluation.folds import folds
from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.prediction.trust import are_foreign
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide


@pytest.fixture(scope="module")
def conditions(sections: list[Section], recipe: Recipe) -> list[Condition]:
    """What was learned from one section, and from two."""
    pair = finish(iter_paired_data(sections[:2], recipe, Compute()))
    one = finish(iter_paired_data(sections[:1], recipe, Compute()))
    return [
        Condition.fit(known.original, components=8, apart=folds(known)) for known in (one, pair)
    ]


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
