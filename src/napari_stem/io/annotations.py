"""Regions that pathologists draw and classify, as QuPath exports them, and spots inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import SpotsError
from napari_stem.io.features import are_alike, object_kind, read_features, read_polygons
from napari_stem.spots.grid import make_grid
from napari_stem.spots.polygons import area, inside
from napari_stem.spots.table import positions
from napari_stem.spots.visium import DIAMETER_UM, PITCH_UM

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

COLUMN = "annotation"
_UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class Region:
    """One annotation.

    Attributes
    ----------
    label
        Its classification, or else its name.
    parts
        Polygons, each an outline with its holes, all (m, 2) corners x, y in level-0 pixels.
    """

    label: str
    parts: tuple[tuple[NDArray[np.float64], ...], ...]

    @property
    def area(self) -> float:
        """Square pixels, without the holes."""
        return sum(map(area, self.parts))

    def contains(self, xy: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether points (n, 2) lie inside."""
        return inside(xy, self.parts)


def drawn_regions(path: Path) -> list[Region]:
    """The annotations of a GeoJSON file; none for tiles, cells, points, and other files."""
    try:
        return read_annotations(path) if path.suffix.lower() == ".geojson" else []
    except SpotsError:
        return []


def read_annotations(path: Path) -> list[Region]:
    """Polygons of objects that QuPath calls annotations, and of those without a type.

    Many polygons without a type and of one size are spots.

    Raises
    ------
    SpotsError
        The file is no GeoJSON or holds no such polygon.
    """
    typed = read_features(path, _region)
    plain = [region for kind, region in typed if not kind]
    spots = are_alike([region.area for region in plain])
    found = [region for kind, region in typed if kind or not spots]
    if not found:
        raise SpotsError(
            "The file has no annotation with an area. Draw one in QuPath and export the "
            f"objects as GeoJSON. File: '{path}'."
        )
    return found


def annotated_grid(
    slide: Slide,
    regions: Sequence[Region],
    *,
    pitch_um: float = PITCH_UM,
    diameter_um: float = DIAMETER_UM,
) -> AnnData:
    """A grid inside of regions, on tissue or not, with `obs["annotation"]`.

    Raises
    ------
    MissingScale, OptionError
        As `make_grid`.
    SpotsError
        No spot lies in a region.
    """
    grid = make_grid(slide, pitch_um=pitch_um, diameter_um=diameter_um, on_tissue=False)
    label_spots(grid, regions)
    kept = grid[grid.obs[COLUMN].notna().to_numpy()].copy()
    if not kept.n_obs:
        raise SpotsError(
            f"No spot of a grid with a pitch of {pitch_um:g} µm lies in an annotation of "
            f"'{slide.name}'. Choose a smaller pitch, and check that the annotations "
            "belong to this slide."
        )
    return kept


def label_spots(spots: AnnData, regions: Sequence[Region]) -> None:
    """Write the label of the smallest region around each spot to `obs["annotation"]`."""
    xy = positions(spots)
    labels = np.full(len(xy), None, dtype=object)
    for region in sorted(regions, key=lambda region: -region.area):
        labels[region.contains(xy)] = region.label
    spots.obs[COLUMN] = labels
    spots.obs[COLUMN] = spots.obs[COLUMN].astype("category")


def _region(feature: dict[str, Any]) -> tuple[str, Region] | None:
    """Type of an object and its region; None of tiles, cells, points and lines."""
    kind = object_kind(feature)
    if kind not in ("", "annotation"):
        return None
    parts = tuple(read_polygons(feature["geometry"]))
    if not parts:
        return None
    properties = feature.get("properties") or {}
    known = properties.get("classification") or {}
    # A class of several names, such as "Tumour: Positive", is a list in recent versions.
    names = known.get("names") or [known.get("name") or properties.get("name") or _UNCLASSIFIED]
    return kind, Region(": ".join(map(str, names)), parts)
