"""A part of a prediction is its own table."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
from anndata import AnnData

from napari_stem.errors import OptionError, PanelError, SpotsError
from napari_stem.spots.selection import select
from napari_stem.spots.table import positions


def around(xy: np.ndarray, reach: float = 5.0) -> np.ndarray:
    return xy + reach * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def test_nothing_chosen_is_a_copy_of_all(prediction: AnnData):
    part = select(prediction)
    part.uns["napari_stem"]["seed"] = 1
    part.X[:] = 0
    assert prediction.uns["napari_stem"]["seed"] == 0
    assert prediction.X.any()


def test_genes_come_once_and_in_the_order_asked_for(prediction: AnnData):
    part = select(prediction, genes=["ACTB", "FASN", "ACTB"])
    assert list(part.var_names) == ["ACTB", "FASN"]
    np.testing.assert_array_equal(part.layers["std"], prediction.layers["std"][:, [2, 0]])


def test_spots_belong_to_the_region_by_their_centre(prediction: AnnData):
    xy = positions(prediction)
    part = select(prediction, region=[around(xy[1]), around(xy[4])])
    assert list(part.obs_names) == ["spot_1", "spot_4"]
    np.testing.assert_array_equal(part.X, prediction.X[[1, 4]])


def test_a_region_has_any_form_and_its_holes_are_left_out(prediction: AnnData):
    xy = positions(prediction)
    apart = [shapely.Polygon(around(xy[row])) for row in (1, 4)]
    everything = shapely.box(0, 0, 1000, 1000)
    holed = everything.difference(shapely.union_all(apart))
    others = [name for row, name in enumerate(prediction.obs_names) if row not in (1, 4)]
    for region in (holed, json.loads(shapely.to_geojson(holed))):
        assert list(select(prediction, region=region).obs_names) == others
    assert list(select(prediction, region=apart).obs_names) == ["spot_1", "spot_4"]
    with pytest.raises(OptionError, match="region contains no polygon"):
        select(prediction, region=shapely.Point(1, 1))


def test_unknown_genes_and_empty_regions_are_refused(prediction: AnnData):
    with pytest.raises(
        PanelError, match=r"does not contain NONE, OTHER\. It has 3 genes, for example FASN"
    ):
        select(prediction, genes=["FASN", "NONE", "OTHER"])
    with pytest.raises(SpotsError, match="No spot centre"):
        select(prediction, region=[around(np.array([5000.0, 5000.0]))])
