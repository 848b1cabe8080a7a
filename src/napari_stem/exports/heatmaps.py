"""Predictions from their exports as heatmaps: OME-TIFF, and GeoJSON for QuPath.

These hold mean and standard deviation, in GeoJSON also clusters, and no picture of the slide.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tifffile import TiffFile, TiffFileError

from napari_stem.errors import SpotsError
from napari_stem.exports.described import described, description
from napari_stem.io.bounded import UNREADABLE
from napari_stem.io.naming import named
from napari_stem.spots.polygons import centroid, ring
from napari_stem.spots.table import positions
from napari_stem.text import one_line
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

TAG, TAG_TYPE = 64_137, 7  # a private tag of the first page, of undefined bytes
GEOJSON_START = '{"type": "FeatureCollection", "napari_stem": '

_SD = " SD"


def described_as_tag(prediction: AnnData, step: int) -> bytes:
    """The content of the tag in an OME-TIFF of pixels that are `step` level-0 pixels wide."""
    stated = {
        **description(prediction),
        "step": step,
        "spots": list(map(str, prediction.obs_names)),
        "xy": positions(prediction).tolist(),
    }
    return zlib.compress(json.dumps(stated).encode())


def is_heatmaps(path: Path) -> bool:
    """Whether a file is such an export of a prediction; little of it is read."""
    try:
        if path.name.lower().endswith(".geojson"):
            with path.open(encoding="utf-8") as file:
                return file.read(len(GEOJSON_START)) == GEOJSON_START
        with TiffFile(path) as tiff:
            return TAG in tiff.pages.first.tags
    except (*UNREADABLE, TiffFileError):
        return False


def read_heatmaps(path: Path) -> AnnData:
    """The prediction of such an export.

    Raises
    ------
    SpotsError
        The file is damaged.
    """
    read = _read_geojson if path.name.lower().endswith(".geojson") else _read_ometiff
    try:
        with named(path):
            return read(path)
    except (*UNREADABLE, TiffFileError) as error:
        if isinstance(error, SpotsError):
            raise
        raise SpotsError(
            f"The heatmaps could not be read: {one_line(repr(error))}. File: '{path}'."
        ) from error


def _read_ometiff(path: Path) -> AnnData:
    with TiffFile(path) as tiff:
        stated = parse_json(zlib.decompress(tiff.pages.first.tags[TAG].value))
        xy = np.array(stated["xy"], dtype=np.float64)
        columns, rows = (xy / stated["step"]).astype(int).T
        channels = range(2 * len(stated["genes"]))
        values = np.stack(
            [tiff.asarray(key=number, series=0)[rows, columns] for number in channels], axis=1
        )
    return described(stated, stated["spots"], xy, values[:, ::2].copy(), values[:, 1::2].copy())


def _read_geojson(path: Path) -> AnnData:
    content = parse_json(path.read_text(encoding="utf-8"))
    stated, features = content["napari_stem"], content["features"]
    about = [feature["properties"] for feature in features]
    rings = [ring(feature["geometry"]["coordinates"][0]) for feature in features]
    prediction = described(
        stated,
        [each["name"] for each in about],
        np.array([centroid([corners]) for corners in rings]),
        _measured(about, stated["genes"]),
        _measured(about, [f"{gene}{_SD}" for gene in stated["genes"]]),
    )
    if all("OOD" in each["measurements"] for each in about):
        prediction.obs["ood"] = _measured(about, ["OOD"])[:, 0]
    _add_clusters(prediction, [each.get("classification") for each in about])
    return prediction


def _measured(about: list[dict[str, Any]], names: list[str]) -> NDArray[np.float32]:
    rows = [[each["measurements"][name] for name in names] for each in about]
    return np.array(rows, dtype=np.float32).reshape(len(about), len(names))


def _add_clusters(prediction: AnnData, classes: list[dict[str, Any] | None]) -> None:
    """Clusters, the largest first, and their colours, where spots have classifications."""
    names = pd.Series([each["name"] if each else None for each in classes], dtype=object)
    if not names.notna().any():
        return
    order = names.value_counts().index
    prediction.obs["leiden"] = pd.Categorical(names, categories=order)
    colours = {each["name"]: each["color"] for each in classes if each and "color" in each}
    if len(colours) == len(order):
        found = [bytes(map(int, colours[name])).hex() for name in order]
        prediction.uns["leiden_colors"] = [f"#{colour}" for colour in found]
