"""A dock that is closed by its x acts no more, and opens again as new."""

from __future__ import annotations

import gc
from typing import Any
from weakref import ref

import numpy as np
from napari.viewer import Viewer
from qtpy.QtWidgets import QWidget

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.shell.page import Page
from napari_stem._napari.shell.panel import Panel
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters
from napari_stem.sections.section import Section

from ..conftest import PATIENCE, is_busy

DOCKS = (
    "Predict", "Clusters", "Inspect", "Export", "Train", "Explore", "Cohort", "Keyboard shortcuts",
)  # fmt: skip
UNAWARE = ("Train", "Cohort", "Keyboard shortcuts")  # which do not show the workspace


class Step(Panel):
    """A step with a note of several lines."""

    heading = "Step"
    foldable = True

    def __init__(self) -> None:
        super().__init__(Workspace())
        self.note.setText("A note that is long enough to fill several lines of a dock. " * 4)
        self.add_row(self.note)


def close(dock: QWidget, qtbot: Any) -> None:
    """Press the x of its frame, and let Qt delete it."""
    with qtbot.waitSignal(dock.destroyed):
        dock.parent().title.close_button.click()


def listeners(viewer: Viewer) -> dict[str, int]:
    """How many listen to each signal of the state, and to the viewer's mouse."""
    work = workspace_of(viewer)
    groups = {"workspace": work.events, "run": work.run.events}
    state = {f"{of}.{name}": len(group[name]) for of, group in groups.items() for name in group}
    mouse = {
        "press": len(viewer.mouse_drag_callbacks),
        "double click": len(viewer.mouse_double_click_callbacks),
        "pan": len(viewer.scene.camera.events.mouse_pan.callbacks),
        "keys": len(viewer.keymap),
    }
    return state | mouse


def fill(work: Workspace, section: Section) -> None:
    """A result of three genes with two clusters."""
    n = section.spots.n_obs
    values = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    whole = {"mean": values, "std": values / 10}
    work.take_slide(section.slide)
    work.spots = section.spots
    work.take_result(Result(section.slide, section.spots, ("B", "A", "C"), "log2", whole, 4))
    work.clusters = Clusters.of_numbers((np.arange(n) % 2 + 1).astype(np.uint16))


def test_steps_that_fold_leave_no_gap_at_once(qtbot):
    page, steps = Page(), [Step() for _ in range(4)]
    page.fill(*steps)
    page.resize(300, 250)
    qtbot.addWidget(page)
    page.show()
    for step in steps:
        step.fold(True)
    page.settle()
    lines = [step.sizeHint().height() for step in steps]
    assert [step.height() for step in steps] == lines
    assert page.widget().height() == page.viewport().height()
    assert steps[-1].geometry().bottom() < 4 * (max(lines) + 5)


def test_a_closed_dock_leaves_nothing_behind(viewer, qtbot):
    before, gone = listeners(viewer), {}
    for name in DOCKS * 2:
        dock = open_dock(viewer, name)
        assert (listeners(viewer) == before) == (name in UNAWARE), name
        gone |= {f"{name}: {type(w).__name__}": ref(w) for w in (dock, *dock.findChildren(Panel))}
        close(dock, qtbot)
        assert listeners(viewer) == before, name
    del dock
    qtbot.waitUntil(lambda: not is_busy(viewer))  # they loaded libraries
    gc.collect()
    assert [name for name, widget in gone.items() if widget() is not None] == []


def test_closed_docks_hear_nothing_and_open_again(viewer, qtbot, section, sections):
    work = workspace_of(viewer)
    fill(work, section)
    for name in DOCKS:
        close(open_dock(viewer, name), qtbot)
    work.gene, work.statistic, work.tool = "C", "std", "none of ours"
    fill(work, sections[1])
    work.close_slide(section.slide)
    for name in DOCKS:
        again = open_dock(viewer, name)
        assert again.isVisibleTo(again.parent())


def test_a_tool_in_the_hand_is_given_back(viewer, qtbot, section):
    fill(workspace_of(viewer), section)
    before = listeners(viewer)
    dock = open_dock(viewer, "Inspect")
    dock.tool.switch(True)
    close(dock, qtbot)
    assert listeners(viewer) == before
    dock = open_dock(viewer, "Clusters")
    dock.legend.pick_button.click()
    close(dock, qtbot)
    assert listeners(viewer) == before
    assert workspace_of(viewer).tool == ""


def test_hiding_the_clusters_dock_ends_picking(make_napari_viewer, section):
    viewer = make_napari_viewer(show=True)
    work = workspace_of(viewer)
    fill(work, section)
    clusters = open_dock(viewer, "Clusters")
    clusters.legend.pick_button.click()
    clusters.parent().title.hide_button.click()
    assert (clusters.legend.pick_button.isChecked(), work.tool) == (False, "")


def test_a_dock_with_edits_closes_and_they_can_still_be_undone(viewer, qtbot, section):
    work = workspace_of(viewer)
    fill(work, section)
    found = work.clusters
    dock = open_dock(viewer, "Clusters")
    work.edit_clusters("rename", found.renamed(1, "tumour"), work.cluster_view)
    close(dock, qtbot)
    open_dock(viewer, "Clusters").legend.undo_button.click()
    assert work.clusters is found


def test_side_by_side_is_not_asked_for_by_a_dock_that_is_gone(viewer, qtbot, section):
    work = workspace_of(viewer)
    fill(work, section)
    dock = open_dock(viewer, "Predict")
    dock.result.compare.setCurrentText("selected genes")
    dock.result.compare.compare()
    assert work.compared
    close(dock, qtbot)
    work.end_comparison()
    work.gene = "C"
    assert not work.compared


def test_docks_of_the_plugins_menu_lie_as_tabs(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    first, _ = viewer.window.add_plugin_dock_widget("napari-stem", "Export")
    second, _ = viewer.window.add_plugin_dock_widget("napari-stem", "Clusters")
    window = first.window()
    qtbot.waitUntil(lambda: first in window.tabifiedDockWidgets(second), timeout=PATIENCE)
