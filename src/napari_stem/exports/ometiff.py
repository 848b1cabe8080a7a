"""Heatmaps as an OME-TIFF that lies on the slide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree
from tifffile import TiffWriter

from napari_stem.events import Check, go_on
from napari_stem.exports.exporter import Exporter
from napari_stem.exports.heatmaps import TAG, TAG_TYPE, described_as_tag
from napari_stem.prediction.trust import warnings_of
from napari_stem.spots.provenance import origin, provenance
from napari_stem.spots.table import library, positions, spot_diameter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_DISC = 12  # pixels a spot's diameter, where the picture stays below:
_LONGEST = 4096
_SMALL_ENOUGH = 1024  # coarser levels are added until one is
_TILE = 512
_BYTES_OF_BIGTIFF = 2**31  # before compression, which is not known ahead


def write_ometiff(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
    """Write one channel per gene and statistic, with the slide's top left corner as its own.

    Spots are discs of their value, the rest is NaN. A pixel is a whole number of level-0
    pixels, and its size in micrometres is stated where the slide's scale is known. A private tag
    describes the prediction, which opens from it again (`exports.heatmaps`) unless spots lie
    closer than pixels.
    """
    width, height = _slide_size(prediction)
    step = int(np.ceil(max(spot_diameter(prediction) / _DISC, max(width, height) / _LONGEST)))
    levels = [_spot_below(prediction, step, width, height, check)]
    while max(levels[-1].shape) > _SMALL_ENOUGH:
        levels.append(_spot_below(prediction, step << len(levels), width, height, check))
    channels = _channels(prediction)
    n_bytes = 4 * len(channels) * levels[0].size
    with (
        atomic_path(path) as draft,
        TiffWriter(draft, ome=True, bigtiff=n_bytes > _BYTES_OF_BIGTIFF) as tiff,
    ):
        for number, index in enumerate(levels):
            tiff.write(
                _tiles(channels.values(), index, check),
                shape=(len(channels), *index.shape),
                dtype=np.float32,
                tile=(_TILE, _TILE),
                compression="zlib",
                photometric="minisblack",
                subifds=None if number else len(levels) - 1,
                subfiletype=1 if number else 0,
                metadata=None if number else _metadata(prediction, list(channels), step),
                extratags=() if number else _described(prediction, index, step),
            )


EXPORTER = Exporter(
    suffix=".ome.tif",
    name="OME-TIFF heatmaps",
    holds="One channel per gene for mean and one for SD, aligned with the slide.",
    write=write_ometiff,
)


def _slide_size(prediction: AnnData) -> NDArray[np.float64]:
    """Width and height in level-0 pixels: of the thumbnail, else of what the spots cover."""
    entry = prediction.uns["spatial"][library(prediction)]
    covered: NDArray[np.float64] = positions(prediction).max(axis=0) + spot_diameter(prediction) / 2
    if "images" not in entry:
        return covered
    picture, scale = entry["images"]["hires"], entry["scalefactors"]["tissue_hires_scalef"]
    pictured: NDArray[np.float64] = np.array(picture.shape[1::-1]) / scale
    return np.maximum(covered, pictured)


def _spot_below(
    prediction: AnnData, step: int, width: float, height: float, check: Check
) -> NDArray[np.intp]:
    """(h, w) number of the spot below each pixel, n where there is none."""
    x, y = (step * (np.arange(np.ceil(side / step)) + 0.5) for side in (width, height))
    reach = max(spot_diameter(prediction) / 2, step * np.sqrt(0.5))
    tree = KDTree(positions(prediction))
    rows = []
    for row in y:
        check()
        pixels = np.column_stack([x, np.full_like(x, row)])
        rows.append(tree.query(pixels, distance_upper_bound=reach)[1])
    return np.stack(rows)


def _channels(prediction: AnnData) -> dict[str, NDArray[np.float32]]:
    """(n,) values by the name of their channel: mean and standard deviation of each gene."""
    means, stds = np.asarray(prediction.X), np.asarray(prediction.layers["std"])
    channels = {}
    for column, gene in enumerate(prediction.var_names):
        channels[gene] = means[:, column]
        channels[f"{gene} SD"] = stds[:, column]
    return channels


def _tiles(
    channels: Iterable[NDArray[np.float32]], index: NDArray[np.intp], check: Check
) -> Iterator[NDArray[np.float32]]:
    for values in channels:
        table = np.append(values, np.nan).astype(np.float32)
        for top in range(0, index.shape[0], _TILE):
            check()
            for left in range(0, index.shape[1], _TILE):
                yield table[index[top : top + _TILE, left : left + _TILE]]


def _described(
    prediction: AnnData, index: NDArray[np.intp], step: int
) -> tuple[tuple[int, int, int, bytes, bool], ...]:
    """The tag that describes the prediction; none if a spot has no pixel of its own."""
    columns, rows = (positions(prediction) / step).astype(int).T
    if not np.array_equal(index[rows, columns], np.arange(prediction.n_obs)):
        return ()
    stated = described_as_tag(prediction, step)
    return ((TAG, TAG_TYPE, len(stated), stated, True),)


def _metadata(prediction: AnnData, names: list[str], step: int) -> dict[str, object]:
    about = provenance(prediction)
    metadata: dict[str, object] = {
        "axes": "CYX",
        "Name": str(about.get("slide", "prediction")),
        "Description": " ".join(
            [
                f"Predicted expression, {about.get('unit', '')}.",
                f"{origin(prediction)}.",
                *warnings_of(prediction),
            ]
        ),
        "Channel": {"Name": names},
    }
    if mpp := float(about.get("mpp", 0)):
        for axis in "XY":
            metadata[f"PhysicalSize{axis}"] = step * mpp
            metadata[f"PhysicalSize{axis}Unit"] = "µm"
    return metadata
