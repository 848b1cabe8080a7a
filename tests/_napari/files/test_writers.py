"""Saving layers as people save them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import tifffile
from anndata import AnnData, read_h5ad

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.state.saved_view import View
from napari_stem.api.predicting import predict
from napari_stem.io import read_spots


@pytest.fixture(scope="module")
def predicted(section, trained) -> AnnData:
    return predict(section.slide, section.spots, trained.checkpoint, n_draws=4)


@pytest.fixture
def filled(viewer, section, predicted):
    fill(viewer, section.slide, predicted.copy(), gene="CD3E")
    viewer.layers.selection = {viewer.layers["CD3E mean"]}
    return viewer


def test_a_heatmap_is_saved_as_its_prediction(filled, tmp_path, predicted):
    path = tmp_path / "biopsy.h5ad"
    assert filled.layers.save(str(path), selected=True) == [str(path)]
    np.testing.assert_array_equal(read_h5ad(path).X, predicted.X)


def test_each_suffix_is_a_format(filled, tmp_path, predicted):
    for suffix in (".csv", ".geojson", ".parquet", ".ome.tif"):
        path = tmp_path / f"biopsy{suffix}"
        saved = filled.layers.save(str(path), selected=True, plugin="napari-stem")
        assert saved == [str(path)]
    assert len(pd.read_csv(tmp_path / "biopsy.csv")) == predicted.n_obs
    with tifffile.TiffFile(tmp_path / "biopsy.ome.tif") as file:
        assert file.series[0].shape[0] == 2  # mean and deviation of the gene that is shown


@pytest.mark.filterwarnings("ignore")  # spatialdata's dependencies' own to mend
def test_a_spatialdata_folder_is_saved_again_in_its_place(filled, tmp_path):
    path = tmp_path / "biopsy.zarr"
    for gene in ("CD3E", "KRT8"):
        workspace_of(filled).gene = gene
        assert filled.layers.save(str(path), selected=True, plugin="napari-stem") == [str(path)]
    assert View.in_prediction(read_spots(path)).gene == "KRT8"


def test_several_layers_are_one_prediction(filled, tmp_path):
    filled.layers.selection = set(filled.layers)
    path = tmp_path / "biopsy.geojson"
    assert filled.layers.save(str(path), selected=True, plugin="napari-stem") == [str(path)]


def test_other_layers_are_left_alone(filled, tmp_path, messages):
    layer = filled.add_image(np.zeros((9, 9)), scale=(1, 1), units=("um", "um"))
    for chosen in (layer, filled.layers[workspace_of(filled).slide.name]):
        filled.layers.selection = {chosen}
        path = str(tmp_path / "biopsy.h5ad")
        with pytest.warns(UserWarning, match="did not return any written paths"):
            assert not filled.layers.save(path, selected=True, plugin="napari-stem")
        assert "show no complete Stem prediction" in messages[-1]
    assert not list(tmp_path.glob("*.h5ad"))
