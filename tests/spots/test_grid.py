"""Grids have their pitch, lie on tissue and inside of a region."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from napari_stem.defaults import Layout
from napari_stem.errors import MissingScale, OptionError, SpotsError
from napari_stem.sections.synthetic import generate_section
from napari_stem.slides.slide import Slide
from napari_stem.spots.grid import make_grid
from napari_stem.spots.table import pitch, positions, spot_diameter

WHITE = Slide.from_array(np.full((1600, 2200, 3), 250, np.uint8), mpp=0.5, name="white")


@pytest.mark.parametrize(("layout", "neighbours"), [("hex", 6), ("square", 4)])
def test_a_grid_has_its_pitch_everywhere(layout: Layout, neighbours: int):
    spots = make_grid(WHITE, pitch_um=80, diameter_um=40, layout=layout, on_tissue=False)
    xy = positions(spots)
    assert pitch(spots) == pytest.approx(160)
    assert spot_diameter(spots) == 80
    inner = xy[(abs(xy - [1100, 800]) < [600, 400]).all(axis=1)]
    distance, _ = KDTree(xy).query(inner, k=neighbours + 1)
    np.testing.assert_allclose(distance[:, 1:], 160)


def test_a_hexagonal_grid_is_as_dense_as_its_closed_form():
    spots = make_grid(WHITE, pitch_um=20, diameter_um=10, on_tissue=False)
    per_spot = 40**2 * np.sqrt(3) / 2  # px2, all of the slide but half a pitch at its border
    assert spots.n_obs == pytest.approx((2200 - 20) * (1600 - 20) / per_spot, rel=0.02)
    xy = positions(spots)
    assert (xy >= 0).all()
    assert (xy <= (2200, 1600)).all()


def test_spots_lie_on_tissue():
    section = generate_section("generated", seed=3, size_px=1400)
    everywhere = make_grid(section.slide, on_tissue=False)
    on_tissue = make_grid(section.slide)
    assert on_tissue.n_obs < everywhere.n_obs
    # The generator's own spots are where it knows tissue to be.
    near, _ = KDTree(positions(section.spots)).query(positions(on_tissue))
    assert (near < 200).mean() > 0.95
    assert on_tissue.n_obs == pytest.approx(section.spots.n_obs, rel=0.15)


def test_a_spot_needs_tissue_under_itself():
    """A gap of 0.015 mm², as a vessel, counts as tissue, but a spot in it would show glass."""
    y, x = np.mgrid[:1000, :1000]
    random = np.random.default_rng(0)
    pink = np.array([190, 90, 160]) + random.normal(0, 15, (1000, 1000, 1))
    hole = np.hypot(x - 500, y - 500) < 69  # µm
    tissue = (np.hypot(x - 500, y - 500) < 400) & ~hole
    image = np.where(tissue[..., None], pink, 244).clip(0, 255).astype(np.uint8)
    slide = Slide.from_array(image, mpp=1.0)

    def nearest(**options: float) -> float:
        xy = positions(make_grid(slide, pitch_um=20, diameter_um=55, **options))
        return float(np.hypot(*(xy - 500).T).min())

    assert nearest(tissue_share=0) < 20
    # A fifth of a disc is tissue 56 µm from the middle; detection blurs borders by two pixels.
    assert nearest() == pytest.approx(69 - 13, abs=2 * 8 + 20 / 2)
    assert nearest(tissue_share=1) > 69
    with pytest.raises(OptionError, match="tissue_share is 2; it must be between 0 and 1"):
        make_grid(slide, tissue_share=2)


def test_spots_lie_inside_of_a_region():
    triangle = np.array([[200.0, 200.0], [2000.0, 300.0], [400.0, 1500.0]])
    spots = make_grid(WHITE, pitch_um=30, region=triangle, on_tissue=False)
    area = 0.5 * abs(np.linalg.det(triangle[1:] - triangle[0]))
    assert spots.n_obs == pytest.approx(area / (60**2 * np.sqrt(3) / 2), rel=0.05)
    # Barycentric coordinates of points inside of a triangle are all positive.
    corners = np.vstack([triangle.T, np.ones(3)])
    weights = np.linalg.solve(corners, np.vstack([positions(spots).T, np.ones(spots.n_obs)]))
    assert (weights >= -1e-9).all()


def test_a_region_keeps_the_places_of_the_whole_grid():
    region = np.array([[0, 0], [1100, 0], [1100, 1600], [0, 1600]])
    whole, part = (make_grid(WHITE, region=r, on_tissue=False) for r in (None, region))
    shared = set(map(tuple, positions(whole).tolist())) & set(map(tuple, positions(part).tolist()))
    assert len(shared) == part.n_obs


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pitch_um": 0}, "must be positive"),
        ({"pitch_um": float("nan")}, "must be positive"),
        ({"diameter_um": -5}, "must be positive"),
        ({"layout": "round"}, "layout 'round' is unknown; choose hex or square"),
        ({"pitch_um": 1e-4}, "Choose a larger pitch"),
        (
            {"region": [[0, 0], [1, 1]]},
            "region is not valid: a polygon needs at least three corners",
        ),
        (
            {"region": [[0, 0], [1, np.nan], [1, 0]]},
            "region is not valid: a corner of a polygon is not finite",
        ),
    ],
)
def test_an_impossible_grid_is_refused(options: dict[str, object], message: str):
    with pytest.raises(OptionError, match=message):
        make_grid(WHITE, **options)  # type: ignore[arg-type]


def test_a_grid_needs_a_scale_and_something_to_lie_on():
    with pytest.raises(MissingScale):
        make_grid(Slide.from_array(np.zeros((90, 90, 3), np.uint8)))
    with pytest.raises(SpotsError, match=r"pitch of 100 µm has no spot on tissue of 'white'"):
        make_grid(WHITE)
    outside = [[5000, 5000], [6000, 5000], [6000, 6000]]
    with pytest.raises(SpotsError, match="no spot on any part of 'white' in the region"):
        make_grid(WHITE, region=outside, on_tissue=False)
