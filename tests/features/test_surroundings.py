"""The tissue around a spot is a mean of the slide's own tiles, whoever asks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.api.predicting import inspect, predict
from napari_stem.api.training import train
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.errors import LowResolution, MissingScale, SpotsOutsideSlide
from napari_stem.events import Event, Progress, finish
from napari_stem.features.patches import PAPER, PHYSICAL, PatchGeometry
from napari_stem.features.surroundings import tiles_around
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions, spot_table

RADIUS = 200.0  # µm


def describe(recipe: Recipe, slide: Slide, spots: AnnData) -> np.ndarray:
    return finish(iter_embed_as(recipe, slide, spots))


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return make_recipe("small", ["A"], stain="as_scanned", surroundings=RADIUS)


def blank(width: int, height: int, mpp: float | None = 0.5) -> Slide:
    return Slide.from_array(np.full((height, width, 3), 255, np.uint8), mpp=mpp)


@pytest.mark.parametrize("geometry", [PHYSICAL, PAPER])
@pytest.mark.parametrize("radius", [200.0, 300.0, 1.0])
def test_the_mean_is_that_of_all_tiles_within_the_radius(geometry: PatchGeometry, radius: float):
    slide, random = blank(2500, 1900), np.random.default_rng(0)
    spots = spot_table(random.uniform((0, 0), (2499, 1899), (60, 2)), diameter_px=110)
    width, reach = 224, max(radius / 0.5, 224)
    tiles = tiles_around(slide, spots, geometry, radius)
    where = {tuple(centre): row for row, centre in enumerate(positions(tiles.table))}
    vectors = random.normal(size=(len(where), 3)).astype(np.float32)
    found = tiles.mean(vectors, None)
    for mean, xy in zip(found, positions(spots), strict=True):
        near = [
            where[x, y]
            for i in range(12)
            for j in range(9)
            if np.hypot(
                (x := min((i + 0.5) * width, 2499.0)) - xy[0],
                (y := min((j + 0.5) * width, 1899.0)) - xy[1],
            )
            <= reach
        ]
        np.testing.assert_allclose(mean, vectors[near].mean(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(30, 40), (300, 40), (4000, 225)])
def test_every_place_of_any_slide_has_tiles_that_lie_on_it(size: tuple[int, int]):
    slide = blank(*size)
    corners = np.array([(x, y) for x in (0, size[0] - 1) for y in (0, size[1] - 1)], float)
    tiles = tiles_around(slide, spot_table(corners, diameter_px=9), PHYSICAL, 60.0)
    np.testing.assert_allclose(np.asarray(tiles.shares.sum(axis=1)).ravel(), 1, rtol=1e-6)
    assert (positions(tiles.table) >= 0).all()
    assert (positions(tiles.table) < size).all()


def test_a_spot_has_the_same_surroundings_alone_and_among_others(
    recipe: Recipe, sections: list[Section]
):
    slide, spots = sections[0].slide, sections[0].spots
    together = describe(recipe, slide, spots)
    own = describe(replace(recipe, surroundings=None), slide, spots)
    assert together.shape == (spots.n_obs, 1, recipe.embedding_width)
    np.testing.assert_array_equal(together[..., : own.shape[2]], own)
    alone = describe(recipe, slide, spots[[5]].copy())
    np.testing.assert_allclose(alone[0], together[5], rtol=1e-4, atol=1e-4)


def test_views_turn_the_patch_alone_and_progress_never_falls(
    recipe: Recipe, sections: list[Section]
):
    heard: list[Event] = []
    slide, spots = sections[0].slide, sections[0].spots
    work = iter_embed_as(recipe, slide, spots, views=(0, 3))
    found = finish(work, heard.append)
    half = found.shape[2] // 2
    np.testing.assert_array_equal(found[:, 0, half:], found[:, 1, half:])
    assert (found[:, 0, :half] != found[:, 1, :half]).any()
    told = [event for event in heard if isinstance(event, Progress) and event.total]
    assert {event.stage for event in told} == {"embed"}
    assert len({event.total for event in told}) == 1
    assert [event.done for event in told] == sorted(event.done for event in told)
    assert told[-1].done == told[-1].total


def test_surroundings_need_a_scale_whatever_the_patch(recipe: Recipe):
    slide = blank(900, 900, mpp=None)
    spots = spot_table([(450.0, 450.0)], diameter_px=110)
    with pytest.raises(MissingScale):
        describe(replace(recipe, geometry=PAPER), slide, spots)
    with pytest.raises(MissingScale):
        replace(recipe, geometry=PAPER).patch_widths(slide, 110)
    assert recipe.patch_widths(blank(900, 900), 110) == (224, 560, 800)
    near = replace(recipe, surroundings=1.0)  # less than a patch's width counts as that
    assert near.patch_widths(blank(900, 900), 110) == (224, 448, 560)


def test_a_click_agrees_with_the_slide(sections: list[Section], embedded: Path, tmp_path: Path):
    panel = [gene for gene in sections[0].spots.var_names if gene.isupper()][:8]
    recipe = make_recipe("small", panel, surroundings=RADIUS, fit={"steps": 20})
    checkpoint = train(sections[:2], recipe, tmp_path, cache=embedded).checkpoint
    slide, spots = sections[2].slide, sections[2].spots
    whole = predict(slide, spots, checkpoint, n_draws=4, cache=False)
    point = inspect(slide, positions(spots)[3], checkpoint, n_draws=4)
    np.testing.assert_allclose(point.draws.mean(axis=0), whole.X[3], atol=2e-3)
    assert checkpoint.condition.width < checkpoint.recipe.embedding_width


def test_what_the_slide_cannot_give_is_refused_before_its_tiles_are_sought(recipe: Recipe):
    outside = spot_table([(-2000.0, 50.0)], diameter_px=110)
    with pytest.raises(SpotsOutsideSlide):
        describe(recipe, blank(900, 900), outside)
    with pytest.raises(LowResolution):  # and not out of memory: its tiles are pixels
        describe(recipe, blank(900, 900, mpp=500.0), spot_table([(450.0, 450.0)], diameter_px=1))
