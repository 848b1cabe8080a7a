"""SpatialData folders: spots as circles, their table, the slide's thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import StorageError
from napari_stem.events import Check, go_on
from napari_stem.exports.exporter import Exporter
from napari_stem.extras import extra
from napari_stem.io.spatialdata import ABOUT, INSTANCE, PLACE, REGION, is_predicted_spatialdata
from napari_stem.spots.selection import select
from napari_stem.spots.table import library, positions, spot_diameter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData

_SPOTS = "spots"


def write_spatialdata(
    prediction: AnnData, path: Path, genes: Sequence[str] = (), check: Check = go_on
) -> None:
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
    table.obs[REGION], table.obs[INSTANCE] = _SPOTS, np.arange(table.n_obs)
    table.obs[REGION] = table.obs[REGION].astype("category")
    name = library(prediction)
    entry = table.uns.pop("spatial")[name]
    if ABOUT in table.uns:
        table.uns[ABOUT][PLACE] = {"library": name, "scalefactors": entry["scalefactors"]}
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
                table, region=_SPOTS, region_key=REGION, instance_key=INSTANCE
            )
        },
    )
    check()
    with atomic_path(path) as draft:
        data.write(draft)


EXPORTER = Exporter(
    suffix=".zarr",
    name="SpatialData",
    holds="The whole prediction, with spots as circles in level-0 pixels.",
    write=write_spatialdata,
    extra="spatialdata",
)
