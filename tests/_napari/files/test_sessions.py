"""A session on disk: what was open comes back after napari closed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_stem._napari.canvas import autosave
from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.drawn_region import draw_again, drawn_shapes
from napari_stem._napari.files.launch import fill
from napari_stem._napari.files.opening import describe_checkpoint
from napari_stem._napari.files.sessions import (
    ask_for_recent,
    ask_to_open,
    ask_to_save,
    read,
    recent,
    take_session,
)
from napari_stem._napari.keeping.saved_session import read_session
from napari_stem._napari.keeping.session_folder import INDEX, OpenSlide, SessionFolder
from napari_stem._napari.predict.tasks import predict
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.drawn_shape import DrawnShape
from napari_stem._napari.state.point import Point
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.cluster import cluster
from napari_stem.analysis.groups import no_groups, with_group
from napari_stem.errors import StemError
from napari_stem.events import finish
from napari_stem.prediction.inspect import Inspector
from napari_stem.prediction.options import PredictOptions
from napari_stem.slides.slide import open_slide

from ..conftest import LEFT

TWO = PredictOptions(n_draws=2)


@pytest.fixture(scope="module")
def slide_path(section, tmp_path_factory):
    path = tmp_path_factory.mktemp("slides") / "slide.tif"
    tifffile.imwrite(path, np.asarray(section.slide.levels[0]), photometric="rgb")
    return path


@pytest.fixture
def slide(slide_path):
    with open_slide(slide_path, mpp=0.5) as opened:
        yield opened


@pytest.fixture
def work(slide, section, trained) -> Workspace:
    """A slide with a result of its spots and one of a part of them."""
    work, checkpoint = Workspace(), finish(describe_checkpoint(trained.path))
    work.take_slide(slide)
    for spots in (section.spots, section.spots[:9].copy()):
        work.predict(PredictRequest(slide, spots, checkpoint, TWO), predict)
    return work


def opened_in(work: Workspace) -> list[OpenSlide]:
    return [
        OpenSlide(slide, work.session_of(slide), work.points_of(slide)) for slide in work.slides
    ]


def checkpoints_of(folder: SessionFolder) -> set[Path]:
    opened = finish(read(folder.path))
    for one in opened.slides:
        one.slide.close()
    return set(opened.checkpoints)


def test_all_that_was_made_comes_back(
    make_napari_viewer, slide, section, trained, tmp_path, qtbot, monkeypatch
):
    monkeypatch.setattr(autosave, "_SOON", 0.2)  # which saves meanwhile, and disturbs nothing
    path = tmp_path / "moving.safetensors"
    shutil.copy(trained.path, path)
    viewer, again = make_napari_viewer(), make_napari_viewer()
    work, now = workspace_of(viewer), workspace_of(again)
    work.take_slide(slide)
    work.checkpoint = finish(describe_checkpoint(path))
    work.take_result(finish(predict(PredictRequest(slide, section.spots, work.checkpoint, TWO))))
    cluster(work.result.prediction)
    fill(viewer, slide, work.result.prediction[:9].copy())
    work.take_clusters(work.clusters.renamed(1, "tumour"))
    work.edit_groups("add", with_group(no_groups(9), np.arange(9) < 4, "margin"))
    work.rename_result(1, "biopsy")
    work.gene = "COL1A1"
    work.show_result(0)
    inspector = Inspector(trained.checkpoint, PredictOptions(n_draws=3))
    found = inspector.iter_inspect(slide, (600.0, 600.0), spot_diameter_px=110, spots=section.spots)
    work.add_points([Point(slide, work.checkpoint.key, finish(found))])
    corners = np.array([(10.0, 20.0), (300.5, 20.0), (300.5, 400.0)])
    draw_again(viewer, slide, [DrawnShape.on(slide, "polygon", corners)])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "kept"))
    ask_to_save(viewer)
    assert (len(work.unsaved_points()), len(work.unsaved_regions())) == (1, 1)
    qtbot.waitUntil(lambda: not work.unsaved())
    assert not work.unsaved_points()
    assert not work.unsaved_regions()

    ask_to_open(again)
    qtbot.waitUntil(lambda: len(now.results) == 2)
    assert [kept.name for kept in now.results] == [path.stem, "biopsy"]
    assert (now.slide.path, now.slide.mpp, now.shown) == (slide.path, 0.5, 0)
    assert now.results[1].clusters.titles[0] == "tumour"
    assert now.results[0].groups is None
    assert (now.results[1].groups.names, list(now.results[1].groups.sizes)) == (("margin",), [4])
    assert now.results[1].groups.colours == work.results[1].groups.colours
    assert now.results[1].gene == "COL1A1"
    assert not now.unsaved()
    assert [point.inspection.xy for point in now.points] == [(600.0, 600.0)]
    (shape,) = drawn_shapes(again, now.slide)
    assert not now.unsaved_regions()
    np.testing.assert_allclose(shape.corners, corners)
    more = PredictRequest(now.slide, now.spots, now.checkpoint, PredictOptions(n_draws=4))
    assert now.session.row_of(more) == 0
    assert not now.unsaved_points()
    assert recent() == [tmp_path / "kept"]
    monkeypatch.setattr(QInputDialog, "getItem", lambda *asked: (asked[3][0], True))
    ask_for_recent(again)
    qtbot.waitUntil(lambda: len(now.results) == 4)
    now.slide.close()


def test_a_result_continues_only_with_the_checkpoint_that_made_it(work, tmp_path, trained):
    folder = SessionFolder(tmp_path / "kept")
    finish(folder.save(opened_in(work)))
    assert checkpoints_of(folder) == {trained.path}
    index = folder.path / INDEX
    index.write_text(index.read_text().replace(work.result.request.checkpoint.content, "other"))
    assert checkpoints_of(folder) == set()


def test_only_what_changed_is_written_again(work, tmp_path):
    folder = SessionFolder(tmp_path / "kept")
    finish(folder.save(opened_in(work)))
    first = {path.name for path in folder.path.iterdir()}
    work.rename_result(0, "all spots")
    finish(folder.save(opened_in(work)))
    assert {path.name for path in folder.path.iterdir()} == first
    work.delete_result(1)
    finish(folder.save(opened_in(work)))
    assert {path.name for path in folder.path.iterdir()} < first
    (slide,) = finish(read_session(folder.path))
    assert [result.name for result in slide.results] == ["all spots"]
    assert slide.spots is slide.results[0].request.spots
    slide.slide.close()


def test_a_save_that_stops_leaves_the_former_session(work, tmp_path):
    folder = SessionFolder(tmp_path / "kept")
    finish(folder.save(opened_in(work)[:0]))
    saving = SessionFolder(folder.path).save(opened_in(work))
    for event in saving:
        if event.message == INDEX:
            break
    saving.close()
    assert json.loads((folder.path / INDEX).read_text())["slides"] == []


def test_a_folder_without_a_session_is_refused(tmp_path):
    with pytest.raises(StemError, match="no session"):
        finish(read_session(tmp_path))


def test_an_index_that_names_files_elsewhere_is_refused_and_they_stay(work, tmp_path):
    mine = tmp_path / "mine.h5ad"
    mine.write_text("my own")
    folder = SessionFolder(tmp_path / "kept")
    finish(folder.save(opened_in(work)))
    index = folder.path / INDEX
    told = json.loads(index.read_text())
    for changed in ({"spots": "../mine.h5ad"}, {"results": [{}]}, {"results": None}):
        index.write_text(json.dumps({**told, "slides": [{**told["slides"][0], **changed}]}))
        with pytest.raises(StemError, match="damaged"):
            finish(read_session(folder.path))
        finish(SessionFolder(folder.path).save([]))
        assert mine.read_text() == "my own"
    index.write_text(json.dumps({**told, "slides": [{**told["slides"][0], "shapes": [["x"]]}]}))
    with pytest.raises(StemError, match="damaged"):
        finish(read_session(folder.path))


def test_a_prediction_that_ran_is_offered_to_continue(
    make_napari_viewer, slide, section, trained, tmp_path, qtbot
):
    checkpoint = finish(describe_checkpoint(trained.path))
    request = PredictRequest(slide, section.spots, checkpoint, TWO)
    work = Workspace()
    work.take_slide(slide)
    work.take_spots(slide, section.spots)
    (one,) = opened_in(work)
    finish(SessionFolder(tmp_path / "kept").save([one._replace(running=request)]))
    viewer = make_napari_viewer()
    dock = open_dock(viewer, "Predict")
    take_session(viewer, finish(read(tmp_path / "kept")), is_saved=False)
    now = dock.workspace
    assert not dock.resume.isHidden()
    assert f"2 draws with {trained.path.stem}" in dock.resume.note.text()
    qtbot.mouseClick(dock.resume.continue_button, LEFT)
    assert dock.resume.isHidden()
    qtbot.waitUntil(lambda: now.result is not None and now.run.request is None)
    assert now.result.n_draws == 2
    assert now.interrupted is None
    now.slide.close()
