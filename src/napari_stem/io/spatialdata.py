"""Predictions out of the SpatialData folders that this package writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import zarr

from napari_stem.errors import SpotsError
from napari_stem.io.naming import named
from napari_stem.spots.provenance import check_record
from napari_stem.text import one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

REGION, INSTANCE = "spatialdata_region", "spatialdata_spot"  # "region" may be an annotation
ABOUT, PLACE = "napari_stem", "place"  # of the table's `uns`, which holds no `uns["spatial"]`
_TABLE, _THUMBNAIL = Path("tables", "table"), Path("images", "thumbnail")


def read_predicted_spatialdata(path: Path) -> AnnData:
    """A prediction that was exported, as it was; it needs no further package.

    Raises
    ------
    SpotsError
        The folder is damaged.
    """
    try:
        table = anndata.read_zarr(path / _TABLE)
        place = table.uns[ABOUT].pop(PLACE)
        entry: dict[str, Any] = {"scalefactors": place["scalefactors"]}
        if (path / _THUMBNAIL).is_dir():
            entry["images"] = {"hires": _thumbnail(path)}
    except Exception as error:
        reason = one_line(error)
        raise SpotsError(
            f"The folder could not be read as SpatialData: {reason}. Folder: '{path}'."
        ) from error
    table.obs = table.obs.drop(columns=[REGION, INSTANCE])
    del table.uns["spatialdata_attrs"]
    table.uns["spatial"] = {str(place["library"]): entry}
    with named(path):
        check_record(table)
    return table


def is_predicted_spatialdata(path: Path) -> bool:
    """Whether a folder holds a prediction of this package; nothing of it is read."""
    return (path / _TABLE / "uns" / ABOUT / PLACE).is_dir()


def _thumbnail(path: Path) -> NDArray[np.uint8]:
    group = zarr.open_group(path / _THUMBNAIL, mode="r")
    about: Any = group.attrs.get("ome", group.attrs)
    level = group[about["multiscales"][0]["datasets"][0]["path"]]
    picture: NDArray[np.uint8] = np.moveaxis(np.asarray(level), 0, -1)
    return picture
