"""Training as a user does it: real sections on disk, a real viewer, real child processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

from napari_stem._napari.shell.remembered import remembered
from napari_stem._napari.train.controller import Trainings
from napari_stem._napari.train.dialog import TrainingDialog
from napari_stem._napari.train.dock import TrainDock
from napari_stem._napari.train.setup import TrainingSetup
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.devices import present_devices
from napari_stem.evaluation.baselines import BASELINES
from napari_stem.evaluation.metrics import METRICS
from napari_stem.events import Loss
from napari_stem.sections.section import Section
from napari_stem.sections.synthetic_tissue import REGIONS
from napari_stem.spots.table import spot_table
from napari_stem.storage import checkpoints_dir, runs_dir
from napari_stem.training.event_lines import to_line
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run_folder import create_run, read_run
from napari_stem.training.run_history import HISTORY, read_history

from ..conftest import LEFT, PATIENCE, is_busy


@pytest.fixture(scope="session")
def saved_sections(sections: list[Section], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Spot tables with annotated regions beside pictures that state no scale."""
    folder = tmp_path_factory.mktemp("sections")
    for section in sections:
        spots = section.spots.copy()
        spots.obs["region"] = np.array(REGIONS)[spots.obsm["composition"].argmax(axis=1)]
        spots.write_h5ad(folder / f"{section.name}.h5ad")
        Image.fromarray(np.asarray(section.slide.levels[0])).save(folder / f"{section.name}.png")
    return [folder / f"{section.name}.h5ad" for section in sections]


@pytest.fixture
def plan(saved_sections: list[Path]) -> TrainPlan:
    """A run that a few steps finish, or that goes on for hours with other settings."""
    sources = [SectionSource(str(p), str(p.with_suffix(".png")), 0.5) for p in saved_sections]
    return TrainPlan(
        tuple(sources[:1]),
        held_out=tuple(sources[1:2]),
        panel=PanelChoice("list", genes=("EPCAM", "COL1A1", "CD3E", "ACTB")),
        fit={"steps": 20, "batch_size": 16},
        draws=2,
        keep="best",
        device="cpu",
    )


@pytest.fixture
def trainings(dock, viewer) -> Trainings:
    return Trainings.of(viewer)


@pytest.fixture
def dock(viewer: Any) -> TrainDock:
    _, widget = viewer.window.add_plugin_dock_widget("napari-stem", "Train")
    assert isinstance(widget, TrainDock)
    return widget


@pytest.fixture
def setup(dock: TrainDock) -> TrainingSetup:
    dialog = dock.dialog()
    dialog.show_setup()
    return dialog.setup


@pytest.fixture
def until(qtbot: Any) -> Callable[[Callable[[], object]], None]:
    return lambda condition: qtbot.waitUntil(lambda: bool(condition()), timeout=PATIENCE)


def endless(plan: TrainPlan) -> TrainPlan:
    return replace(plan, fit={"steps": 10**9, "batch_size": 16})


def words(dock: TrainDock) -> str:
    return str(dock.list.item(0).text()) if dock.list.count() else ""


def shown(dialog: TrainingDialog) -> str:
    return str(dialog.view.bar.format())


def tick(chosen, row: int, qtbot) -> None:
    """Click the box in front of an entry."""
    place = chosen.visualItemRect(chosen.item(row))
    qtbot.mouseClick(chosen.viewport(), LEFT, pos=QPoint(place.left() + 12, place.center().y()))


def test_a_run_is_set_up_trained_and_installed(
    dock, setup, viewer, qtbot, until, saved_sections, messages, browser
):
    _, predict = viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    assert setup.reason.text() == "Add at least one section."
    setup.sections.add(map(str, saved_sections[:2]))
    until(lambda: "no scale" in setup.reason.text())
    assert not setup.start_button.isEnabled()
    for row in range(2):
        setup.sections.table.selectRow(row)
        setup.sections.mpp.setValue(0.5)
    until(lambda: "300 genes" in setup.reason.text())
    device = setup.options.form["device"]
    assert [device.itemText(row) for row in range(device.count())] == present_devices()
    setup.genes.number.setValue(8)
    setup.options.held_out.setCurrentText("Nothing")
    setup.options.form.set(recalibrate=True)
    assert "Hold out what intervals are recalibrated with" in setup.reason.text()
    setup.options.form.set(recalibrate=False)
    setup.options.held_out.setCurrentText("Whole sections")
    assert "Tick the sections" in setup.reason.text()
    for row in range(2):
        tick(setup.options.chosen, row, qtbot)
    assert "All sections are held out" in setup.reason.text()
    tick(setup.options.chosen, 0, qtbot)
    setup.options.form.set(steps=20, draws=2, devices=2)
    setup.name.setText("liver-1")
    until(setup.start_button.isEnabled)
    assert setup.reason.text() == "Ready to train on 1 section. Held out: section-1."

    qtbot.mouseClick(setup.estimate.estimate_button, LEFT)
    until(lambda: not setup.estimate.is_busy)
    counts = re.findall(r"(?:high|medium|low|none): (\d+) genes? ", setup.estimate.note.text())
    assert sum(map(int, counts)) == 8
    setup.options.form.set(transform="log1p_cp10k")
    assert not setup.estimate.note.text()  # it was of another plan
    setup.options.form.set(transform="log2")

    qtbot.mouseClick(setup.start_button, LEFT)
    view = dock.dialog().view
    until(lambda: "running" in words(dock))
    until(lambda: "finished" in words(dock))
    assert view.state.text().startswith("Finished")
    assert view.title.text() == "<b>liver-1</b> on 2 devices"  # processes, on a CPU
    qtbot.mouseClick(view.report_button, LEFT)
    assert browser.shown == [runs_dir() / "liver-1" / "report.html"]
    table = view.metrics
    methods = [table.horizontalHeaderItem(i).text() for i in range(table.columnCount())]
    assert methods == ["Stem", "ceiling", *BASELINES]
    shown = [[bool(table.item(row, column).text()) for row in range(5)] for column in (0, 1)]
    assert shown == [[True] * 5, [True] * 3 + [False] * 2]  # a ceiling beside each PCC
    assert [table.verticalHeaderItem(i).text() for i in range(2)] == ["PCC-10", "PCC-50"]
    assert table.rowCount() == len(METRICS)
    drawn = view.curves.loss.lines
    assert [len(line.getData()[0]) > 0 for line in drawn] == [True, True]
    for plot in (view.curves.loss, view.curves.variation):  # pyqtgraph's menus do not lie on it
        parts = plot.findChildren(QWidget)
        assert [part for part in parts if part.isVisible()] == [plot.viewport()]
    assert len(view.curves.variation.lines[1].getData()[0]) == 8

    path = checkpoints_dir() / "liver-1.safetensors"
    until(lambda: predict.checkpoint.box.findData(str(path)) > 0)
    assert load_checkpoint(path).about["sections"] == ["section-0"]
    assert any("'liver-1'" in message for message in messages)
    assert not is_busy(viewer)


def test_a_run_is_paused_resumed_and_stopped_with_its_checkpoint(
    dock, trainings, plan, until, qtbot
):
    folder = runs_dir() / "long"
    dialog = dock.dialog()
    trainings.begin(folder, endless(plan))
    dialog.show_run(folder)
    view = dialog.view
    until(lambda: view.metrics.rowCount() and "Training" in shown(dialog))
    assert dialog.setup.problem() or trainings.running
    qtbot.mouseClick(view.pause_button, LEFT)
    assert view.state.text().startswith("Pausing")
    until(lambda: trainings.running is None)
    assert view.state.text().startswith("Paused")
    assert read_run(folder).standing == "paused"
    last = read_history(folder)[-1].step

    assert view.pause_button.text() == "Resume"
    qtbot.mouseClick(view.pause_button, LEFT)
    until(lambda: "Training" in shown(dialog))
    qtbot.mouseClick(view.stop_button, LEFT)
    assert view.state.text().startswith("Finishing")
    until(lambda: trainings.running is None)
    run = read_run(folder)
    assert run.standing == "finished"
    assert max(event.step for event in read_history(folder)) > last
    assert load_checkpoint(run.checkpoint).about["kept"] == "best"


def test_a_killed_run_is_told_and_resumes_until_the_viewer_closes(
    dock, viewer, trainings, plan, until, messages
):
    folder = runs_dir() / "killed"
    run = trainings.begin(folder, endless(plan))
    events: list[object] = []
    run.told.connect(events.append)
    until(lambda: events)  # it reads patches
    os.kill(run.pid, signal.SIGKILL)
    until(lambda: any("ended unexpectedly" in message for message in messages))
    until(lambda: "interrupted" in words(dock))
    dock.list.setCurrentRow(0)
    assert dock.resume_button.isEnabled()
    dock.resume_button.click()
    run = trainings.running
    until(lambda: (folder / HISTORY).exists() and read_history(folder))
    viewer.close()
    until(lambda: read_run(folder).standing == "paused")
    assert (folder / "state.pt").exists()
    until(lambda: not run.pid)


def test_a_failed_run_says_why(dock, trainings, plan, until, messages):
    genes = PanelChoice("list", genes=("EPCAM", "NOTAGENE"))
    trainings.begin(runs_dir() / "bad", replace(plan, panel=genes))
    until(lambda: "failed" in words(dock))
    assert "missing in the sections: NOTAGENE" in words(dock)
    assert any("NOTAGENE (1 of 2)" in message for message in messages)


def test_a_run_is_deleted_when_that_is_wanted(dock, plan, until, monkeypatch):
    create_run(runs_dir() / "old", plan)
    view = dock.dialog().view
    dock.dialog().show_run(runs_dir() / "old")
    dock.refresh()
    until(lambda: "interrupted" in words(dock))
    assert not view.pause_button.isHidden()
    dock.list.setCurrentRow(0)
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.No)
    dock.delete_button.click()
    assert (runs_dir() / "old").exists()
    monkeypatch.setattr(QMessageBox, "question", lambda *_: QMessageBox.StandardButton.Yes)
    dock.delete_button.click()
    until(lambda: not dock.list.count())
    assert not (runs_dir() / "old").exists()
    assert view.state.text() == "This run was deleted."
    assert view.pause_button.isHidden()


def test_runs_of_every_folder_that_was_trained_in_are_listed(
    dock, trainings, setup, saved_sections, plan, tmp_path, until, monkeypatch
):
    monkeypatch.setattr(trainings, "begin", lambda folder, _: create_run(folder, plan))
    create_run(runs_dir() / "usual", plan)
    setup.sections.add([str(saved_sections[0])])
    until(lambda: "no scale" in setup.reason.text())
    setup.sections.table.selectRow(0)
    setup.sections.mpp.setValue(0.5)
    setup.genes.number.setValue(8)
    until(setup.start_button.isEnabled)
    for folder in ("one", "other"):
        setup.folder.setText(str(tmp_path / folder))
        setup.name.setText(f"in-{folder}")
        setup.start_button.click()
    dock.refresh()
    until(lambda: dock.list.count() == 3)
    names = {dock.list.item(row).text().split("\n")[0] for row in range(3)}
    assert names == {"usual", "in-one", "in-other"}
    shutil.rmtree(tmp_path / "one")
    setup.name.setText("again")
    setup.start_button.click()
    assert remembered("runs_folders", []) == [str(tmp_path / "other")]


def test_a_row_says_what_is_wrong_with_its_section(
    setup, saved_sections, tmp_path, until, monkeypatch, qtbot
):
    no_counts = tmp_path / "bare.h5ad"
    spot_table([(50, 50), (90, 90)], diameter_px=20).write_h5ad(no_counts)
    alone = tmp_path / "alone.h5ad"
    alone.write_bytes(saved_sections[0].read_bytes())
    Image.new("RGB", (200, 200), "white").save(tmp_path / "bare.png")
    setup.sections.add([str(no_counts), str(alone), str(tmp_path / "none")])
    setup.sections.mpp.lineEdit().setText("0.7")  # typed while the sections are read

    def state(row: int) -> str:
        return setup.sections.table.item(row, 5).text()

    until(lambda: not any("reading" in state(row) for row in range(3)))
    assert "have no counts" in state(0)
    assert setup.sections.mpp.text().startswith("0.7")
    setup.sections.mpp.selectAll()
    qtbot.keyClicks(setup.sections.mpp, "500")
    qtbot.keyClick(setup.sections.mpp, Qt.Key.Key_Return)
    assert "500 µm/px is not that of a slide" in setup.sections.problem_note.text()
    setup.sections.mpp.setValue(0)
    assert "There is no spot table at" in state(2)
    setup.sections.table.selectRow(1)
    assert "slide image" in setup.sections.problem_note.text()
    picture = saved_sections[0].with_suffix(".png")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(picture), ""))
    setup.sections.image_button.click()
    setup.sections.mpp.setValue(0.5)
    until(lambda: state(1) == "ready")
    for row in (2, 0):
        setup.sections.table.selectRow(row)
        setup.sections.remove_button.click()
    assert [source.path for source in setup.sections.sources] == [str(alone)]


def test_a_data_set_brings_its_sections_and_visium_hd_its_bins(
    setup, sections, visium_hd, tmp_path, until, monkeypatch
):
    root = tmp_path / "hest"
    for folder in ("st", "wsis", "metadata"):
        (root / folder).mkdir(parents=True)
    for name, section in zip(("TENX1", "TENX2"), sections, strict=False):
        section.spots.write_h5ad(root / "st" / f"{name}.h5ad")
        Image.fromarray(np.asarray(section.slide.levels[0])).save(root / "wsis" / f"{name}.tif")
        scale = json.dumps({"pixel_size_um_estimated": 0.5})
        (root / "metadata" / f"{name}.json").write_text(scale)
    for folder in (root, visium_hd / "outs"):
        monkeypatch.setattr(
            QFileDialog, "getExistingDirectory", lambda *_, folder=folder: str(folder)
        )
        setup.sections.folder_button.click()
    rows = setup.sections.table
    until(lambda: rows.rowCount() == 3)
    until(lambda: {rows.item(row, 5).text() for row in range(3)} == {"ready"})
    assert {rows.item(row, 0).text() for row in range(3)} == {"TENX1", "TENX2", "HD"}

    bins = setup.sections.bins
    hd, other = (
        rows.findItems(name, Qt.MatchFlag.MatchExactly)[0].row() for name in ("HD", "TENX1")
    )
    rows.selectRow(other)
    assert bins.isHidden()
    rows.selectRow(hd)
    assert not bins.isHidden()
    assert bins.currentData() == 16
    bins.setCurrentIndex(bins.findData(8))
    bins.activated.emit(bins.currentIndex())
    until(lambda: rows.item(hd, 5).text() == "ready")
    assert setup.sections.sources[hd].bin_um == 8
    assert bins.currentData() == 8


def test_genes_are_counted_as_the_choice_changes(setup, saved_sections, until):
    setup.sections.add(map(str, saved_sections[:2]))
    genes = setup.genes
    assert (genes.number.text(), genes.column.isHidden()) == ("300 genes", True)
    genes.number.setValue(5)
    until(lambda: "<b>5 genes</b>" in genes.note.text())
    genes.kind.setCurrentIndex(genes.kind.findData("deg"))
    until(lambda: "genes</b>" in genes.note.text())
    assert genes.choice() == PanelChoice("deg", 5, by="region")
    assert genes.number.text() == "at most 5 genes per region"
    assert genes.column.currentText() == f"region ({len(REGIONS)} regions)"
    assert (genes.column.isHidden(), genes.typed.isHidden()) == (False, True)
    genes.kind.setCurrentIndex(genes.kind.findData("list"))
    until(lambda: "the list is empty" in genes.note.text())
    genes.typed.setPlainText("EPCAM, NOTAGENE\nCD3E")
    until(lambda: "NOTAGENE" in genes.note.text())
    genes.drop_button.click()
    until(lambda: "<b>2 genes</b>: EPCAM, CD3E" in genes.note.text())


def test_encoders_on_request_say_so_before_anything_starts(setup, tmp_path, monkeypatch):
    encoders = setup.encoders
    (uni,) = encoders.table.findItems("uni", Qt.MatchFlag.MatchExactly)
    uni.setCheckState(Qt.CheckState.Checked)
    assert encoders.encoders() == ("morphology", "uni")
    assert "request access at huggingface.co/MahmoodLab/uni" in encoders.note.text()
    encoders.table.selectRow(uni.row())
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(tmp_path / "uni.bin"), ""))
    encoders.weights_button.click()
    assert encoders.weights() == {"uni": str(tmp_path / "uni.bin")}
    assert "request access" not in encoders.note.text()
    (resnet,) = encoders.table.findItems("resnet18", Qt.MatchFlag.MatchExactly)
    resnet.setCheckState(Qt.CheckState.Checked)
    assert "resnet18: get its file at https://github.com/ozanciga" in encoders.note.text()


def test_curves_are_those_of_the_run_that_was_chosen_last(dock, plan, tmp_path, until, viewer):
    view = dock.dialog().view
    for name, steps in (("former", 3), ("latter", 2)):
        create_run(tmp_path / name, replace(plan, devices=steps))
        lines = [to_line(Loss(step, 0.5, 1.0)) for step in range(1, steps + 1)]
        (tmp_path / name / HISTORY).write_text("\n".join(lines))
        view.show_run(tmp_path / name)
    until(lambda: not is_busy(viewer))
    training, _ = view.curves.loss.lines
    assert list(training.getData()[0]) == [1, 2]
    assert view.title.text() == "<b>latter</b> on 2 devices"


def test_the_training_of_a_viewer_outlives_its_dock(dock, trainings, viewer, qtbot):
    dialog = dock.dialog()
    viewer.window.remove_dock_widget(dock)
    dock.deleteLater()
    qtbot.waitSignal(dock.destroyed).wait()
    _, another = viewer.window.add_plugin_dock_widget("napari-stem", "Train")
    assert trainings is Trainings.of(viewer)
    assert another.dialog() is dialog
