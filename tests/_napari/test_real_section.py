"""A real section of breast cancer in a real viewer, from opening it to its export."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_stem._napari.canvas import layers
from napari_stem._napari.files.readers import open_in
from napari_stem.io.h5ad import read_h5ad
from napari_stem.spots.table import positions

from .conftest import LEFT, PATIENCE

MEASURED = "measured values"


@pytest.mark.data
@pytest.mark.slow
def test_it_is_opened_predicted_compared_and_exported(
    viewer, dock, trained, data_dir, qtbot, tmp_path
):
    work = dock.workspace
    open_in(viewer, data_dir / "her2st" / "C5")
    qtbot.waitUntil(lambda: work.spots is not None, timeout=PATIENCE)
    assert 0.68 < work.slide.mpp < 0.69  # from the 200 um between spots
    dock.checkpoint.open(trained.path)
    qtbot.waitUntil(dock.predict_button.isEnabled, timeout=PATIENCE)
    dock.settings.draws.setValue(2)
    qtbot.mouseClick(dock.predict_button, LEFT)
    qtbot.waitUntil(lambda: getattr(work.result, "prediction", None) is not None, timeout=PATIENCE)

    spots, gene = work.result.spots, work.gene
    heatmap = viewer.layers[f"{gene} mean"]
    for spot in (0, spots.n_obs // 2, spots.n_obs - 1):
        place = work.slide.mpp * layers.on_layer(positions(spots)[spot : spot + 1])[0]
        shown = heatmap.get_value(place, world=True)
        assert shown == pytest.approx(work.result.of(gene, "mean")[spot])

    dock.result.compare.setCurrentText(MEASURED)
    dock.result.compare.activated.emit(dock.result.compare.currentIndex())
    measured = viewer.layers[f"{gene}: measured"]
    found = np.unique(measured.data[~np.isnan(measured.data)])
    np.testing.assert_array_equal(found, np.unique(work.result.of(gene, "truth")))
    qtbot.keyClick(dock.result.genes.view, Qt.Key.Key_Down)
    assert f"{work.gene}: measured" in viewer.layers
    assert work.gene != gene

    dock.export.export(tmp_path / "C5.h5ad")
    qtbot.waitUntil((tmp_path / "C5.h5ad").exists, timeout=PATIENCE)
    np.testing.assert_array_equal(read_h5ad(tmp_path / "C5.h5ad").X, work.result.prediction.X)
