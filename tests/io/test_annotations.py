"""Regions that QuPath exports label spots, and hold grids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_stem.errors import SpotsError
from napari_stem.io import read_spots
from napari_stem.io.annotations import (
    annotated_grid,
    drawn_regions,
    label_spots,
    read_annotations,
)
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions, spot_table


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]]


def annotation(kind: str, coordinates: object, **properties: object) -> dict[str, object]:
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", **properties},
    }


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A tumour with a hole, a smaller region within it, and stroma in two pieces."""
    tumour = annotation(
        "Polygon", [square(0, 0, 400), square(40, 40, 100)], classification={"name": "Tumour"}
    )
    necrosis = annotation(
        "Polygon", [square(200, 200, 100)], classification={"names": ["Tumour", "Necrosis"]}
    )
    stroma = annotation("MultiPolygon", [[square(500, 0, 100)], [square(500, 300, 100)]], name="s")
    line = annotation("LineString", [[0, 0], [9, 9]])
    path = tmp_path / "drawn.geojson"
    path.write_text(
        json.dumps({"type": "FeatureCollection", "features": [necrosis, tumour, stroma, line]})
    )
    return path


def test_spots_get_the_label_of_the_smallest_region_around_them(drawn: Path):
    xy = [[10, 10], [90, 90], [250, 250], [550, 50], [550, 200], [550, 350], [700, 700]]
    spots = spot_table(np.array(xy, float), diameter_px=5)
    label_spots(spots, read_annotations(drawn))
    labels = spots.obs["annotation"].astype(object).where(spots.obs["annotation"].notna(), None)
    assert list(labels) == ["Tumour", None, "Tumour: Necrosis", "s", None, "s", None]


SQUARE = {"type": "Polygon", "coordinates": [square(0, 0, 400)]}


@pytest.mark.parametrize(
    "content",
    [
        {"type": "Feature", "id": "PathAnnotationObject", "geometry": SQUARE, "properties": {}},
        {"type": "Feature", "geometry": SQUARE, "properties": {"object_type": "annotation"}},
        {"type": "Feature", "geometry": SQUARE, "properties": None},
        {"geometry": SQUARE, "properties": {"objectType": "Annotation"}},
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]},
        },
        {"type": "Feature", "geometry": {"type": "GeometryCollection", "geometries": [SQUARE]}},
        SQUARE,
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_a_region_is_known_in_every_way_that_it_is_written(
    tmp_path: Path, content: dict[str, object], bom: str
):
    nowhere = {"type": "Feature", "geometry": None, "properties": {"objectType": "annotation"}}
    whole = content if content.get("type") in ("Feature", "Polygon") else [content, nowhere]
    path = tmp_path / "drawn.geojson"
    path.write_text(bom + json.dumps(whole), encoding="utf-8")
    (region,) = drawn_regions(path)
    assert region.area == 400**2
    with pytest.raises(SpotsError, match="1 region and no spots"):
        read_spots(path)


def test_older_tiles_and_many_equal_discs_are_no_regions(tmp_path: Path):
    path = tmp_path / "tiles.geojson"
    tile = {"type": "Feature", "id": "PathTileObject", "geometry": SQUARE, "properties": {}}
    path.write_text(json.dumps([tile]))
    assert drawn_regions(path) == []
    squares = [{"type": "Polygon", "coordinates": [square(50 * i, 0, 20)]} for i in range(12)]
    path.write_text(json.dumps([{"geometry": each} for each in squares]))
    assert drawn_regions(path) == []
    assert read_spots(path).n_obs == 12


def test_a_grid_fills_the_regions_and_nothing_else(drawn: Path):
    slide = Slide.from_array(np.full((700, 700, 3), 255, np.uint8), mpp=1.0, name="white")
    grid = annotated_grid(slide, read_annotations(drawn), pitch_um=10, diameter_um=5)
    share = grid.obs["annotation"].value_counts() * 10**2 * np.sqrt(3) / 2
    # By area, to the ring of spots at the border: perimeter / pitch of area / pitch^2.
    assert share["Tumour"] == pytest.approx(400**2 - 2 * 100**2, rel=0.05)
    assert share["Tumour: Necrosis"] == pytest.approx(100**2, rel=0.15)
    assert share["s"] == pytest.approx(2 * 100**2, rel=0.15)
    x, y = positions(grid).T
    assert not ((x > 45) & (x < 135) & (y > 45) & (y < 135)).any()


def test_regions_beside_the_slide_are_refused(drawn: Path):
    slide = Slide.from_array(np.full((40, 40, 3), 255, np.uint8), mpp=1.0, name="small")
    regions = [r for r in read_annotations(drawn) if r.label == "s"]
    with pytest.raises(SpotsError, match=r"No spot of a grid with a pitch of 10 µm .*'small'"):
        annotated_grid(slide, regions, pitch_um=10)


def test_tiles_and_cells_are_no_annotations(drawn: Path, tmp_path: Path):
    tiles = tmp_path / "tiles.geojson"
    tile = annotation("Polygon", [square(0, 0, 9)])
    tile["properties"] = {"objectType": "tile"}
    tiles.write_text(json.dumps([tile]))
    assert [region.label for region in drawn_regions(drawn)] == ["Tumour: Necrosis", "Tumour", "s"]
    assert drawn_regions(tiles) == drawn_regions(tmp_path / "spots.h5ad") == []
    with pytest.raises(SpotsError, match=r"no annotation with an area.*tiles\.geojson'"):
        read_annotations(tiles)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "[1]",
        json.dumps([annotation("Polygon", [[[1, 2]]])]),
        json.dumps([annotation("Polygon", [])]),
        json.dumps([annotation("Polygon", [[[0, 0], [1, float("nan")], [2, 2], [0, 0]]])]),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, text: str):
    path = tmp_path / "drawn.geojson"
    path.write_text(text)
    with pytest.raises(SpotsError, match=r"could not be read as GeoJSON.*drawn\.geojson'"):
        read_annotations(path)
