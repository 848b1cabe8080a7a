"""Stains are found as they were mixed, and patches become those of another laboratory."""

from __future__ import annotations

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.events import finish
from napari_stem.features.compute import Compute
from napari_stem.features.embed import iter_embed
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.patches import PHYSICAL
from napari_stem.features.stains import USUAL, Stains, find_stains, restained
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import spot_table

STRONG_EOSIN: Stains = ((1.7, 1.6, 0.9), (0.6, 1.5, 0.8))


def tissue(stains: Stains, side: int = 600, glass: float = 0.3) -> np.ndarray:
    """RGB of random amounts of two stains, some pixels of one alone, and of glass."""
    random = np.random.default_rng(0)
    amounts = random.beta(1, 2, (side, side, 2))
    alone = random.integers(0, 8, (side, side))
    for stain in (0, 1):
        amounts[alone == stain, 1 - stain] = 0
    amounts[random.random((side, side)) < glass] = 0
    return np.clip(256 * np.exp(-amounts @ np.array(stains)) - 1, 0, 255).round().astype(np.uint8)


def hues(stains: Stains) -> np.ndarray:
    return np.array(stains) / np.linalg.norm(stains, axis=1, keepdims=True)


@pytest.mark.parametrize("stains", [USUAL, STRONG_EOSIN])
def test_mixed_stains_are_found_however_much_glass_there_is(stains: Stains):
    found = [find_stains(tissue(stains, glass=share).reshape(-1, 3)) for share in (0.1, 0.9)]
    for each in found:
        assert each is not None
        np.testing.assert_allclose(hues(each), hues(stains), atol=0.06)
    np.testing.assert_allclose(*found, rtol=0.1)


@pytest.mark.parametrize("pixels", ["glass", "grey"])
def test_where_there_are_not_two_stains_none_are_found(pixels: str):
    grey = np.random.default_rng(0).integers(20, 200, (10_000, 1), dtype=np.uint8)
    shown = np.full((10_000, 3), 250, np.uint8) if pixels == "glass" else np.repeat(grey, 3, axis=1)
    assert find_stains(shown) is None


def test_restained_patches_are_those_of_the_other_stains():
    here, there = (tissue(stains, side=64)[None] for stains in (USUAL, STRONG_EOSIN))
    error = np.abs(restained(here, USUAL, STRONG_EOSIN).astype(int) - there)
    assert np.percentile(error, 99) <= 3  # of 255: what is darkest has few steps to tell
    np.testing.assert_array_equal(restained(here, USUAL, USUAL), here)


def test_one_tissue_in_two_stains_has_nearly_one_embedding(sections: list[Section]):
    spots, image = sections[0].spots, np.asarray(sections[0].slide.levels[0])
    own = find_stains(image.reshape(-1, 3))
    assert own is not None
    images = image, restained(image[None], own, STRONG_EOSIN)[0]

    def differ(stains: Stains | None) -> float:
        a, b = (embedded(Slide.from_array(each, mpp=0.5), spots, stains) for each in images)
        return float(np.median(np.abs(a - b).mean(axis=0) / a.std(axis=0)))

    assert differ(USUAL) < 0.4 * differ(None)


def test_a_spot_has_the_same_embedding_alone_as_among_others():
    slide = Slide.from_array(tissue(STRONG_EOSIN), mpp=0.5)
    xy = np.random.default_rng(1).uniform(150, 450, (5, 2))
    several, alone = (
        embedded(slide, spot_table(places, diameter_px=110), USUAL) for places in (xy, xy[3:4])
    )
    np.testing.assert_allclose(several[3], alone[0], atol=1e-4)


def embedded(slide: Slide, spots: AnnData, stains: Stains | None) -> np.ndarray:
    encoders = [find_encoder("morphology")]
    compute = Compute(device="cpu")
    return finish(iter_embed(slide, spots, encoders, PHYSICAL, stains=stains, compute=compute))[
        :, 0
    ]
