"""Points are inside of polygons as another library has it, with edges and holes."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from napari_stem.spots.polygons import area, inside

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
HOLE = np.array([[4, 4], [6, 4], [6, 6], [4, 6]], float)


def star(random: np.random.Generator, size: float) -> np.ndarray:
    """A ring of many corners that is not convex, around (50, 50)."""
    angle = np.sort(random.uniform(0, 2 * np.pi, 40))
    reach = size * random.uniform(0.5, 1, 40)
    return 50 + np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_points_and_area_are_those_of_shapely(seed: int):
    random = np.random.default_rng(seed)
    outline, hole = star(random, 45), star(random, 20)
    xy = random.uniform(0, 100, (4000, 2))
    expected = shapely.Polygon(outline, [hole])
    assert expected.is_valid
    np.testing.assert_array_equal(inside(xy, [[outline, hole]]), shapely.contains_xy(expected, xy))
    assert area([outline, hole]) == pytest.approx(expected.area)


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
