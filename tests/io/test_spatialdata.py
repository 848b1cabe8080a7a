"""Damaged SpatialData folders are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_stem.errors import SpotsError
from napari_stem.io.spatialdata import read_predicted_spatialdata


def test_a_damaged_folder_is_said(tmp_path: Path):
    path = tmp_path / "broken.zarr"
    path.mkdir()
    with pytest.raises(SpotsError, match="could not be read as SpatialData"):
        read_predicted_spatialdata(path)
