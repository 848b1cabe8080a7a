"""Points are inside of polygons as another library has it, with edges and holes; sizes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import points_in_poly

from napari_stem.spots.polygons import area, centroid, ellipse, inside, rectangle, ring

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
HOLE = np.array([[4, 4], [6, 4], [6, 6], [4, 6]], float)


def star(random: np.random.Generator, size: float) -> np.ndarray:
    """A ring of many corners that is not convex, around (50, 50)."""
    angle = np.sort(random.uniform(0, 2 * np.pi, 40))
    reach = size * random.uniform(0.5, 1, 40)
    return 50 + np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_are_inside_where_scikit_image_has_them(seed: int):
    random = np.random.default_rng(seed)
    outline, hole = star(random, 45), star(random, 20)
    xy = random.uniform(0, 100, (4000, 2))
    expected = points_in_poly(xy, outline) & ~points_in_poly(xy, hole)
    np.testing.assert_array_equal(inside(xy, [[outline, hole]]), expected)


def test_what_a_lasso_encloses_twice_is_outside():
    turn = np.arange(5) * 4 * np.pi / 5
    pentagram = 50 + 40 * np.column_stack([np.cos(turn), np.sin(turn)])
    xy = np.random.default_rng(0).uniform(0, 100, (4000, 2))
    np.testing.assert_array_equal(inside(xy, [[pentagram]]), points_in_poly(xy, pentagram))
    assert not inside(np.array([[50.0, 50.0]]), [[pentagram]]).any()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_area_and_centroid_are_those_of_the_points_inside(seed: int):
    random = np.random.default_rng(seed)
    polygon = [star(random, 45), star(random, 20)]
    x, y = np.meshgrid(np.arange(0, 100, 0.1), np.arange(0, 100, 0.1))
    within = np.column_stack([x.ravel(), y.ravel()])
    within = within[inside(within, [polygon])]
    # 0.01 a point; at the border, of about 500, a fraction of the points is off.
    assert area(polygon) == pytest.approx(len(within) * 0.01, rel=0.01)
    np.testing.assert_allclose(centroid(polygon), within.mean(axis=0), atol=0.1)


@pytest.mark.parametrize("away", [0, 1e7])
def test_a_triangle_has_its_area_and_centroid_wherever_it_lies(away: float):
    triangle = np.array([[0, 0], [60, 0], [0, 90]], float) + away
    assert area([triangle]) == pytest.approx(2700)
    np.testing.assert_allclose(centroid([triangle]), [20 + away, 30 + away])


def test_a_line_has_no_area_and_its_middle_as_centroid():
    line = np.array([[0, 0], [10, 0], [20, 0]], float)
    assert area([line]) == 0
    np.testing.assert_allclose(centroid([line]), [10, 0])


def test_an_ellipse_fills_the_box_that_it_is_drawn_in():
    box = rectangle((10, 20), (50, 100))
    assert area([box]) == 40 * 80
    round_it = ellipse(box)
    assert area([round_it]) == pytest.approx(np.pi * 20 * 40, rel=0.002)
    np.testing.assert_allclose(centroid([round_it]), [30, 60])
    np.testing.assert_allclose(round_it.min(axis=0), [10, 20])
    np.testing.assert_allclose(round_it.max(axis=0), [50, 100])


def test_a_turned_box_holds_a_turned_ellipse():
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[c, -s], [s, c]])
    box = rectangle((-30, -10), (30, 10))
    np.testing.assert_allclose(ellipse(box @ turn), ellipse(box) @ turn, atol=1e-12)


@pytest.mark.parametrize(
    ("corners", "message"),
    [
        ([[0, 0], [1, 1]], "at least three corners"),
        ([[0, 0, 0], [1, 1, 1], [0, 1, 1]], "at least three corners"),
        ([[0, 0], [1, np.nan], [0, 1]], "not finite"),
        ([[0, 0], [1, np.inf], [0, 1]], "not finite"),
    ],
)
def test_what_is_no_ring_is_refused(corners, message):
    with pytest.raises(ValueError, match=message):
        ring(corners)


@pytest.mark.parametrize("turn", [1, -1])
@pytest.mark.parametrize("closed", [False, True])
def test_an_edge_belongs_to_the_outline_and_to_the_hole(turn: int, closed: bool):
    outline, hole = (np.vstack([r, r[:1]]) if closed else r for r in (SQUARE, HOLE))
    polygon = [outline[::turn], hole[::turn]]
    within = [(0, 5), (5, 0), (10, 5), (5, 10), *map(tuple, SQUARE), (3, 5), (6.5, 6.5)]
    without = [(4, 5), (5, 4), (6, 5), (5, 6), *map(tuple, HOLE), (5, 5), (10.1, 5), (-1, 0)]
    assert inside(np.array(within, float), [polygon]).all()
    assert not inside(np.array(without, float), [polygon]).any()
    assert area(polygon) == 100 - 4


def test_several_polygons_are_their_union_and_none_holds_nothing():
    xy = np.array([[5, 5], [25, 5], [5, 4.5], [50, 5]])
    island = HOLE * 0.5 + 2.5
    polygons = [[SQUARE, HOLE], [SQUARE + np.array([20, 0])], [island]]
    np.testing.assert_array_equal(inside(xy, polygons), [True, True, True, False])
    assert not inside(xy, []).any()
