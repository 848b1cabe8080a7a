"""AnnData files are read as spots, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from anndata import AnnData

from napari_stem.errors import SpotsError, SpotsNotFound
from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.spots.table import positions, spot_diameter


def test_real_visium_tables_are_read(data_dir: Path):
    folder = data_dir / "squidpy_mouse_brain_crop"
    counts = read_spots(folder / "counts_100genes.h5ad")
    assert counts.shape == (49, 100)
    assert spot_diameter(counts) == pytest.approx(89.44, abs=0.01)
    assert (positions(counts) >= 200).all()
    assert read_spots(folder / "expression_lognorm.h5ad").shape == (49, 1999)


def test_files_that_are_no_spot_table_are_refused(tmp_path: Path, prediction: AnnData):
    path = tmp_path / "C5.h5ad"
    path.write_text("a text")
    with pytest.raises(SpotsError, match=r"could not be read as h5ad: .*C5\.h5ad'"):
        read_spots(path)
    AnnData(np.ones((3, 2), np.float32)).write_h5ad(path)
    with pytest.raises(SpotsError, match=r"obsm\['spatial'\] .*C5\.h5ad'"):
        read_spots(path)
    prediction.obsm["spatial"][2] = np.nan
    prediction.write_h5ad(path)
    with pytest.raises(SpotsError, match="spot spot_2 are not finite"):
        read_spots(path)
    with pytest.raises(SpotsNotFound, match="There is no spot table at"):
        read_spots(tmp_path / "none.h5ad")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, prediction: AnnData, share: float):
    path = tmp_path / "C5.h5ad"
    write_prediction(prediction, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(SpotsError, match=r"C5\.h5ad") as caught:
        read_spots(path)
    assert "\n" not in str(caught.value)
