"""Inspected points and drawn regions, saved in the file of a prediction of their slide."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem._napari.state.drawn_shape import DrawnShape
from napari_stem._napari.state.point import Point
from napari_stem.prediction.inspection import Inspection, Measured
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.slides.slide import Slide

_ABOUT, _POINTS, _REGIONS = "napari_stem", "points", "drawn_regions"
_ARRAYS = ("draws", "nearest", "similarity")


def keep_points(points: Sequence[Point], prediction: AnnData) -> None:
    """Write points into a prediction, in place of those that it had."""
    kept = {f"{point.number:06d}": _as_table(point) for point in points}
    prediction.uns[_ABOUT].pop(_POINTS, None)
    if kept:
        prediction.uns[_ABOUT][_POINTS] = kept


def points_in(prediction: AnnData, slide: Slide) -> list[Point]:
    """The points saved in a prediction; those that cannot be read are left out."""
    return list(_read(prediction.uns[_ABOUT].get(_POINTS, {}), slide))


def keep_regions(regions: Sequence[DrawnShape], prediction: AnnData) -> None:
    """Write drawn regions into a prediction, in place of those that it had."""
    prediction.uns[_ABOUT].pop(_REGIONS, None)
    if regions:
        kept = [(region.kind, region.corners) for region in regions]
        prediction.uns[_ABOUT][_REGIONS] = json.dumps(kept)


def regions_in(prediction: AnnData, slide: Slide) -> list[DrawnShape]:
    """The drawn regions saved in a prediction; none if they cannot be read."""
    try:
        kept = parse_json(str(prediction.uns[_ABOUT].get(_REGIONS, "[]")))
        return [DrawnShape.on(slide, str(kind), corners) for kind, corners in kept]
    except (TypeError, ValueError):
        return []


def _read(kept: Any, slide: Slide) -> Iterator[Point]:
    if not hasattr(kept, "items"):
        return
    for number, table in sorted(kept.items()):
        try:
            yield Point(slide, str(table["checkpoint"]), _inspection(table), int(number))
        except (KeyError, TypeError, ValueError):
            continue


def _as_table(point: Point) -> dict[str, Any]:
    inspection = point.inspection
    measured = None if inspection.measured is None else asdict(inspection.measured)
    rest = {
        "xy": [float(value) for value in inspection.xy],
        "mpp": inspection.mpp,
        "genes": list(inspection.genes),
        "unit": inspection.unit,
        "n_draws": int(inspection.n_draws),
        "measured": measured,
    }
    arrays = {name: np.asarray(getattr(inspection, name), np.float32) for name in _ARRAYS}
    return {"checkpoint": point.checkpoint, "about": json.dumps(rest, default=float), **arrays}


def _inspection(table: Any) -> Inspection:
    rest = parse_json(str(table["about"]))
    x, y = rest.pop("xy")
    measured, genes = rest.pop("measured"), tuple(rest.pop("genes"))
    arrays: dict[str, Any] = {name: np.asarray(table[name], np.float32) for name in _ARRAYS}
    measured = None if measured is None else Measured(**measured)
    return Inspection(xy=(x, y), genes=genes, measured=measured, **arrays, **rest)
