"""Spots from a table of coordinates, predictions as a wide table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy.spatial import KDTree

from napari_stem.errors import SpotsError
from napari_stem.spots import positions, spot_table
from napari_stem.storage import atomic_path

# Without a stated diameter, discs that leave a little room between neighbours.
_DIAMETER_OVER_PITCH = 0.55


def read_csv(path: Path) -> AnnData:
    """Spots of a table with the columns x and y (level-0 pixels), perhaps id and diameter.

    Raises
    ------
    SpotsError
        The table cannot be read or lacks x or y.
    """
    try:
        table = pd.read_csv(path, sep=None, engine="python")
    except (OSError, ValueError) as error:
        raise SpotsError(f"'{path}' cannot be read as a table: {error}.") from error
    table.columns = table.columns.str.strip().str.lower()
    if not {"x", "y"} <= set(table.columns):
        raise SpotsError(
            f"'{path}' needs the columns x and y in full-resolution pixels; it has "
            f"{', '.join(table.columns)}."
        )
    xy = table[["x", "y"]].apply(pd.to_numeric, errors="coerce").to_numpy(float)
    if not np.isfinite(xy).all():
        line = int(np.flatnonzero(~np.isfinite(xy).all(axis=1))[0]) + 2
        raise SpotsError(f"'{path}', line {line}: x or y is no number.")
    if "diameter" in table:
        diameter = float(table["diameter"].median())
    elif len(xy) > 1:
        diameter = _DIAMETER_OVER_PITCH * float(np.median(KDTree(xy).query(xy, k=2)[0][:, 1]))
    else:
        raise SpotsError(f"'{path}' has one spot and no column diameter; add it, in pixels.")
    ids = list(table["id"].astype(str)) if "id" in table else None
    return spot_table(xy, diameter_px=diameter, ids=ids, library=path.stem)


def write_csv(prediction: AnnData, path: Path) -> None:
    """One row a spot: x, y, distance to the training data, cluster, then mean and SD a gene."""
    frame = pd.DataFrame(positions(prediction), index=prediction.obs_names, columns=["x", "y"])
    frame = frame.join(prediction.obs)
    mean = prediction.to_df()
    std = prediction.to_df("std").add_suffix(" SD")
    with atomic_path(path) as draft:
        pd.concat([frame, mean, std], axis=1).to_csv(draft, index_label="id")
