"""Predictions as SpatialData: spots as circles, their table, the slide's thumbnail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import OptionError
from napari_stem.io.selection import select
from napari_stem.spots import library, positions, spot_diameter
from napari_stem.storage import atomic_path

if TYPE_CHECKING:
    from anndata import AnnData

_SPOTS, _REGION, _INSTANCE = "spots", "region", "spot"


def write_spatialdata(prediction: AnnData, path: Path) -> None:
    """Write a zarr folder whose global coordinates are level-0 pixels.

    Raises
    ------
    OptionError
        The package spatialdata is not installed.
    """
    try:
        from spatialdata import SpatialData, models
        from spatialdata.transformations import Scale
    except ImportError as error:
        raise OptionError(
            f"'{path}': SpatialData needs a package more. Run: pip install "
            "'napari-stem[spatialdata]'"
        ) from error
    table = select(prediction)
    table.obs[_REGION], table.obs[_INSTANCE] = _SPOTS, np.arange(table.n_obs)
    table.obs[_REGION] = table.obs[_REGION].astype("category")
    entry = table.uns.pop("spatial")[library(prediction)]
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
