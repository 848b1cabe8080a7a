"""A session on disk: what was open comes back after napari closed."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.session_folder import read_session
from napari_stem._napari.files.sessions import ask_to_open, ask_to_save
from napari_stem.analysis.cluster import cluster
from napari_stem.api.predicting import predict
from napari_stem.errors import StemError
from napari_stem.events import finish
from napari_stem.slides.slide import open_slide


def test_slides_spots_results_and_clusters_come_back(
    make_napari_viewer, section, trained, tmp_path, qtbot, monkeypatch
):
    path = tmp_path / "slide.tif"
    tifffile.imwrite(path, np.asarray(section.slide.levels[0]), photometric="rgb")
    slide = open_slide(path, mpp=0.5)
    prediction = predict(slide, section.spots, trained.checkpoint, n_draws=2, cache=False)
    cluster(prediction)
    viewer, again = make_napari_viewer(), make_napari_viewer()
    work, now = workspace_of(viewer), workspace_of(again)
    fill(viewer, slide, prediction)
    work.take_clusters(work.clusters.renamed(1, "tumour"))
    fill(viewer, slide, prediction[:9].copy())
    work.rename_result(1, "biopsy")
    work.show_result(0)
    work.gene = "COL1A1"
    work.take_spots(slide, section.spots)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "kept"))
    ask_to_save(viewer)
    qtbot.waitUntil(lambda: not work.unsaved())

    ask_to_open(again)
    qtbot.waitUntil(lambda: len(now.results) == 2)
    assert [kept.name for kept in now.results] == ["Prediction", "biopsy"]
    assert (now.slide.path, now.slide.mpp, now.shown, now.gene) == (path, 0.5, 0, "COL1A1")
    assert now.clusters.titles[0] == "tumour"
    assert now.spots.n_obs == section.spots.n_obs
    assert not now.unsaved()
    for one in (slide, now.slide):
        one.close()


def test_a_folder_without_a_session_is_refused(tmp_path):
    with pytest.raises(StemError, match="no session"):
        finish(read_session(tmp_path))
