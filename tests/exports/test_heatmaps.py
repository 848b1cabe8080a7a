"""Exports as heatmaps open as the prediction that they were made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from anndata import AnnData

from napari_stem.errors import SpotsError
from napari_stem.exports.heatmaps import is_heatmaps, read_heatmaps
from napari_stem.exports.registry import write_prediction
from napari_stem.spots.table import positions, spot_diameter

SUFFIXES = (".ome.tif", ".geojson")


@pytest.fixture
def made(prediction: AnnData) -> AnnData:
    """With what the window needs to know of it; spots lie apart."""
    prediction.obsm["spatial"] = np.array([(x, y) for x in (100, 300, 500) for y in (120, 370.5)])
    more = {"unit": "log2(count + 1)", "n_draws": 4, "slide": "C5", "mpp": 0.5}
    about = {**more, "slide_fingerprint": "abc", "warnings": np.array(["too coarse"]), "draws": "k"}
    prediction.uns["napari_stem"] |= about
    prediction.uns["leiden_colors"] = ["#102030", "#aabbcc"]
    return prediction


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_spots_values_and_origin_are_as_they_were(made, tmp_path: Path, suffix):
    path = tmp_path / f"C5{suffix}"
    write_prediction(made, path)
    assert is_heatmaps(path)
    found = read_heatmaps(path)
    assert list(found.obs_names) == list(made.obs_names)
    assert list(found.var_names) == list(made.var_names)
    np.testing.assert_allclose(positions(found), positions(made), atol=0.01)  # written so
    np.testing.assert_allclose(found.X, made.X, atol=5e-5)  # rounded in GeoJSON
    np.testing.assert_allclose(found.layers["std"], made.layers["std"], atol=5e-5)
    assert spot_diameter(found) == spot_diameter(made)
    about = found.uns["napari_stem"]
    assert (about["slide"], about["n_draws"], about["warnings"]) == ("C5", 4, ["too coarse"])
    assert "draws" not in about  # they belong to values that were not rounded


def test_geojson_keeps_clusters_and_distance(made, tmp_path: Path):
    path = tmp_path / "C5.geojson"
    write_prediction(made, path)
    found = read_heatmaps(path)
    titles = [f"Cluster {name}" for name in made.obs["leiden"]]
    assert list(found.obs["leiden"]) == titles
    assert found.uns["leiden_colors"] == ["#102030", "#aabbcc"]
    np.testing.assert_allclose(found.obs["ood"], made.obs["ood"])


def test_files_of_others_are_none(tmp_path: Path):
    other, text = tmp_path / "other.ome.tif", tmp_path / "other.geojson"
    tifffile.imwrite(other, np.zeros((9, 9), np.float32))
    text.write_text('{"type": "FeatureCollection", "features": []}')
    assert not any(map(is_heatmaps, (other, text, tmp_path / "none.geojson")))


def test_spots_closer_than_pixels_are_a_picture_alone(made, tmp_path: Path):
    made.obsm["spatial"] = 100 + np.arange(12.0).reshape(6, 2) / 10
    write_prediction(made, tmp_path / "C5.ome.tif")
    assert not is_heatmaps(tmp_path / "C5.ome.tif")


def test_a_damaged_description_is_said(made, tmp_path: Path):
    path = tmp_path / "C5.geojson"
    write_prediction(made, path)
    path.write_text(path.read_text().replace('"unit"', '"onit"'))
    with pytest.raises(SpotsError, match=r"description lacks unit.*C5\.geojson"):
        read_heatmaps(path)
