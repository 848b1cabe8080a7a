"""Heatmaps lie on the slide: by its corner, in micrometres, at each level."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import tifffile
from anndata import AnnData

from napari_stem.exports.registry import write_prediction
from napari_stem.spots.selection import select
from napari_stem.spots.table import positions, spot_table

MPP = 0.25


@pytest.fixture
def large() -> AnnData:
    """400 spots on a slide of 30 000 x 28 000 pixels, known by its thumbnail."""
    axis = np.arange(1000, 27_000, 1300.0)
    xy = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    mean = np.random.default_rng(0).random((len(xy), 2)).astype(np.float32)
    table = spot_table(xy, diameter_px=220, counts=mean, genes=["A", "B"], library="large")
    table.layers["std"] = mean / 4
    entry = table.uns["spatial"]["large"]
    entry["images"] = {"hires": np.zeros((933, 1000, 3), np.uint8)}
    entry["scalefactors"]["tissue_hires_scalef"] = 1 / 30
    table.uns["napari_stem"] = {"slide": "large", "mpp": MPP, "unit": "log2(count + 1)"}
    return table


def pixels_of(path: Path) -> ET.Element:
    with tifffile.TiffFile(path) as file:
        found = ET.fromstring(file.ome_metadata or "").find(".//{*}Pixels")
    assert found is not None
    return found


def test_the_pixel_at_a_spots_centre_has_its_value_at_each_level(tmp_path: Path, large: AnnData):
    path = tmp_path / "large.ome.tif"
    write_prediction(large, path)
    size = float(pixels_of(path).attrib["PhysicalSizeX"])
    with tifffile.TiffFile(path) as file:
        levels = file.series[0].levels
        assert [max(level.shape[1:]) <= 1024 for level in levels] == [False, True]
        for number, level in enumerate(levels):
            step = size / MPP * 2**number
            column, row = (positions(large) / step).astype(int).T
            found = level.asarray()[:, row, column]
            expected = [large.X[:, 0], large.layers["std"][:, 0], large.X[:, 1]]
            np.testing.assert_array_equal(found[:3], expected)


def test_it_has_the_size_of_the_slide_in_micrometres(tmp_path: Path, large: AnnData):
    path = tmp_path / "large.ome.tif"
    write_prediction(large, path)
    pixels = pixels_of(path)
    for axis, side in (("X", 30_000), ("Y", 27_990)):
        size = float(pixels.attrib[f"PhysicalSize{axis}"])
        assert pixels.attrib[f"PhysicalSize{axis}Unit"] == "µm"
        assert int(pixels.attrib[f"Size{axis}"]) * size == pytest.approx(side * MPP, abs=size)


def test_channels_bear_the_names_of_genes(tmp_path: Path, large: AnnData):
    path = tmp_path / "large.ome.tif"
    write_prediction(select(large, genes=["B"]), path)
    names = [channel.attrib["Name"] for channel in pixels_of(path).iterfind("{*}Channel")]
    assert names == ["B", "B SD"]


def test_discs_are_as_large_as_spots_and_the_rest_is_nothing(tmp_path: Path, large: AnnData):
    path = tmp_path / "large.ome.tif"
    write_prediction(large, path)
    step = float(pixels_of(path).attrib["PhysicalSizeX"]) / MPP
    covered = (~np.isnan(tifffile.imread(path, key=0))).sum() * step**2
    assert covered == pytest.approx(400 * np.pi * 110**2, rel=0.02)


def test_a_prediction_without_scale_and_thumbnail_states_no_size(
    tmp_path: Path, prediction: AnnData
):
    path = tmp_path / "C5.ome.tif"
    write_prediction(prediction, path)
    assert "PhysicalSizeX" not in pixels_of(path).attrib
    assert tifffile.imread(path).shape[0] == 6
