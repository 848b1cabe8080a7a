"""Predictions as SpatialData: spots as circles, their table, the slide's thumbnail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anndata
import numpy as np
import zarr

from napari_stem.errors import SpotsError, StorageError
from napari_stem.extras import extra
from napari_stem.io.selection import select
from napari_stem.spots.table import library, positions, spot_diameter
from napari_stem.storage import atomic_path
from napari_stem.text import one_line

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_SPOTS = "spots"
_REGION, _INSTANCE = "spatialdata_region", "spatialdata_spot"  # "region" may be an annotation
_TABLE, _THUMBNAIL = Path("tables", "table"), Path("images", "thumbnail")
_ABOUT, _PLACE = "napari_stem", "place"  # of the table's `uns`, which holds no `uns["spatial"]`


def write_spatialdata(prediction: AnnData, path: Path) -> None:
    """Write a zarr folder whose global coordinates are level-0 pixels.

    Raises
    ------
    OptionError
        The package spatialdata is not installed.
    StorageError
        The folder cannot be written, or what stands there is no prediction.
    """
    if path.exists() and not is_predicted_spatialdata(path):
        raise StorageError(
            "The existing folder is not a prediction, so it was not overwritten. Choose "
            f"another name. Folder: '{path}'."
        )
    with extra("spatialdata", "SpatialData"):
        from spatialdata import SpatialData, models
        from spatialdata.transformations import Scale
    table = select(prediction)
    table.obs[_REGION], table.obs[_INSTANCE] = _SPOTS, np.arange(table.n_obs)
    table.obs[_REGION] = table.obs[_REGION].astype("category")
    name = library(prediction)
    entry = table.uns.pop("spatial")[name]
    if _ABOUT in table.uns:
        table.uns[_ABOUT][_PLACE] = {"library": name, "scalefactors": entry["scalefactors"]}
    images = {}
    if "images" in entry:
        scale = 1 / entry["scalefactors"]["tissue_hires_scalef"]
        images["thumbnail"] = models.Image2DModel.parse(
            np.moveaxis(entry["images"]["hires"], -1, 0),
            dims=("c", "y", "x"),
            transformations={"global": Scale([scale, scale], axes=("x", "y"))},
        )
    circles = models.ShapesModel.parse(
        positions(prediction), geometry=0, radius=spot_diameter(prediction) / 2
    )
    data = SpatialData(
        images=images,
        shapes={_SPOTS: circles},
        tables={
            "table": models.TableModel.parse(
                table, region=_SPOTS, region_key=_REGION, instance_key=_INSTANCE
            )
        },
    )
    with atomic_path(path) as draft:
        data.write(draft)


def read_predicted_spatialdata(path: Path) -> AnnData:
    """A prediction that `write_spatialdata` wrote, as it was; it needs no further package.

    Raises
    ------
    SpotsError
        The folder is damaged.
    """
    try:
        table = anndata.read_zarr(path / _TABLE)
        place = table.uns[_ABOUT].pop(_PLACE)
        entry: dict[str, Any] = {"scalefactors": place["scalefactors"]}
        if (path / _THUMBNAIL).is_dir():
            entry["images"] = {"hires": _thumbnail(path)}
    except Exception as error:
        reason = one_line(error)
        raise SpotsError(
            f"The folder could not be read as SpatialData: {reason}. Folder: '{path}'."
        ) from error
    table.obs = table.obs.drop(columns=[_REGION, _INSTANCE])
    del table.uns["spatialdata_attrs"]
    table.uns["spatial"] = {str(place["library"]): entry}
    return table


def is_predicted_spatialdata(path: Path) -> bool:
    """Whether a folder holds a prediction of this package; nothing of it is read."""
    return (path / _TABLE / "uns" / _ABOUT / _PLACE).is_dir()


def _thumbnail(path: Path) -> NDArray[np.uint8]:
    group = zarr.open_group(path / _THUMBNAIL, mode="r")
    about: Any = group.attrs.get("ome", group.attrs)
    level = group[about["multiscales"][0]["datasets"][0]["path"]]
    picture: NDArray[np.uint8] = np.moveaxis(np.asarray(level), 0, -1)
    return picture
