"""Keys, Tab, and what is remembered between starts."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.shortcuts import default_shortcuts
from qtpy.QtCore import Qt
from qtpy.QtGui import QAction, QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QTableView,
)
from superqt import QLabeledSlider

from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.shell.docks import open_dock, window_of
from napari_stem._napari.shell.keys_dock import KeysDock
from napari_stem._napari.shell.shortcuts import (
    HEATMAP,
    INSPECT,
    LEAVE,
    NEXT_GENE,
    PREDICT,
    PREVIOUS_GENE,
    SHORTCUTS,
    SPREAD,
    legend,
)
from napari_stem._napari.state.result import Result
from napari_stem.sections.synthetic import generate_section

from .conftest import PATIENCE, controls_of, is_busy
from .private_names import get_app_model


@pytest.fixture
def filled(dock, section):
    """The dock with a result of three genes."""
    n = section.spots.n_obs
    values = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    whole = {"mean": values, "std": values / 10}
    genes = ("B", "A", "C")
    dock.workspace.take_slide(section.slide)
    dock.workspace.spots = section.spots
    result = Result(section.slide, section.spots, genes, "log2(count + 1)", whole, 4)
    dock.workspace.take_result(result)
    return dock


def strike(dock, keys: str) -> None:
    """What Qt does when the key is pressed; delivery to a window is the system's."""
    (shortcut,) = dock.findChildren(QShortcut, keys)
    assert shortcut.key() == QKeySequence(keys)
    assert shortcut.context() == Qt.ShortcutContext.WindowShortcut
    shortcut.activated.emit()


def test_keys_flick_through_the_genes_that_the_search_leaves(filled, qtbot):
    work = filled.workspace
    assert work.gene == "B"
    strike(filled, "Ctrl+PgDown")
    assert work.gene == "C"
    strike(filled, "Ctrl+PgDown")
    assert work.gene == "C"
    strike(filled, "Ctrl+PgUp")
    strike(filled, "Ctrl+PgUp")
    assert work.gene == "A"
    filled.result.genes.search.setText("c")
    strike(filled, "Ctrl+PgDown")
    assert work.gene == "C"
    filled.result.genes.search.setText("none")
    strike(filled, "Ctrl+PgDown")
    assert work.gene == "C"


def test_keys_hide_the_heatmap_and_show_the_spread(filled, viewer):
    layer = viewer.layers["B mean"]
    strike(filled, "Ctrl+Shift+H")
    assert not layer.visible
    assert not layer.colorbar.visible
    strike(filled, "Ctrl+Shift+H")
    assert layer.visible
    assert layer.colorbar.visible
    strike(filled, "Ctrl+Shift+D")
    assert viewer.layers["B SD"].visible
    strike(filled, "Ctrl+Shift+D")
    assert viewer.layers["B mean"].visible


def test_keys_do_nothing_without_a_result(dock):
    for shortcut in (PREDICT, NEXT_GENE, PREVIOUS_GENE, HEATMAP, SPREAD):
        strike(dock, shortcut.keys)
    assert dock.workspace.result is None


def test_a_key_predicts(ready, qtbot):
    strike(ready, "Ctrl+Return")
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: ready.predict_button.text() == "Predict", timeout=PATIENCE)


def test_no_key_is_napari_s(viewer, dock):
    window = window_of(viewer)
    actions = [key for action in window.findChildren(QAction) for key in action.shortcuts()]
    bound = [key for keys in default_shortcuts.values() for key in keys]
    bound += [found.keybinding for found in get_app_model().keybindings]
    taken = {QKeySequence(str(key)).toString() for key in bound}
    taken |= {key.toString() for key in actions}
    everywhere = [key for key in SHORTCUTS if not key.in_dock and key is not LEAVE]
    ours = [QKeySequence(key.keys).toString() for key in everywhere]
    assert len(set(ours)) == len(ours)
    assert {"Ctrl+R", "Ctrl+Up"} <= taken
    assert not taken.intersection(ours)


def test_every_key_of_the_docks_is_in_the_list(viewer, dock):
    for name in ("Clusters", "Inspect", "Export", "Train"):
        open_dock(viewer, name)
    bound = {key.objectName() for key in window_of(viewer).findChildren(QShortcut)}
    of_canvas = {INSPECT.keys, LEAVE.keys}  # keys of the viewer, which Qt does not know
    assert bound - {""} == {key.keys for key in SHORTCUTS} - of_canvas
    assert "Alt+I" in {str(key) for key in viewer.keymap}


def test_keys_are_told_in_tooltips_and_in_a_list_of_the_menu(viewer, dock):
    get_app_model().commands.execute_command("napari-stem.keys").result()
    (found,) = window_of(viewer).findChildren(KeysDock)
    assert legend() in [label.text() for label in found.findChildren(QLabel)]
    tips = [widget.toolTip() for widget in controls_of(dock, (QAbstractButton, QComboBox))]
    tips += [dock.result.genes.search.toolTip(), dock.result.opacity.toolTip()]
    for shortcut in SHORTCUTS:
        assert shortcut.what in legend()
    for shortcut in (PREDICT, NEXT_GENE, PREVIOUS_GENE, HEATMAP, SPREAD):
        assert any(f"{shortcut.what}: {shortcut.text}." in tip for tip in tips), shortcut


def test_tab_reaches_every_control(filled, viewer, qtbot):
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit)
    wholes = (*kinds, QLabeledSlider)  # their parts need not be reached
    controls = {
        control
        for panel in (filled.slide, filled.spots, filled.checkpoint, filled.result, filled.export)
        for control in controls_of(panel, kinds)
        if not isinstance(control.parent(), wholes) and not control.objectName().startswith("qt_")
    }
    assert filled.slide.close_button in controls
    window = window_of(viewer)
    window.show()
    shown = {control for control in controls if control.isVisible() and control.isEnabled()}
    filled.slide.open_button.setFocus()
    reached = {window.focusWidget()}
    while not shown <= reached and len(reached) < 500:
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        reached.add(window.focusWidget())
    assert shown <= reached
    for control in controls - shown:  # folded, or of no use yet
        assert control.focusPolicy() & Qt.FocusPolicy.TabFocus, control


def test_tab_leaves_tables_and_text_and_skips_what_is_folded(filled, viewer, qtbot):
    dialog = open_dock(viewer, "Train").dialog()
    dialog.show_setup()
    docks = (filled, open_dock(viewer, "Clusters"), open_dock(viewer, "Inspect"))
    tables = [table for page in (*docks, dialog) for table in page.findChildren(QTableView)]
    assert {dialog.setup.sections.table, dialog.setup.encoders.table} < {*tables}
    assert not [table for table in tables if table.tabKeyNavigation()]
    qtbot.keyClick(dialog.setup.genes.typed, Qt.Key.Key_Tab)
    assert not dialog.setup.genes.typed.toPlainText()
    for folded, control in (
        (filled.settings.advanced, filled.settings.seed),
        (dialog.setup.options.advanced, dialog.setup.options.form["seed"]),
    ):
        assert not control.isVisibleTo(folded)
        folded.expand()
        assert control.isVisibleTo(folded)
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)  # the docks load libraries


def test_choices_are_there_at_the_next_start(dock, viewer, qtbot, trained):
    dock.spots.layout_box.setCurrentText("square")
    dock.spots.pitch.setValue(80)
    dock.result.contrast.setCurrentIndex(1)
    dock.checkpoint.open(trained.path)
    qtbot.waitUntil(lambda: dock.workspace.checkpoint is not None, timeout=PATIENCE)
    dock.workspace.take_slide(generate_section("next", seed=3, size_px=600).slide)
    dock.spots.make_grid()
    qtbot.waitUntil(lambda: dock.workspace.spots is not None, timeout=PATIENCE)
    dock.workspace.checkpoint = None  # as in a new window
    again = PredictDock(viewer)
    qtbot.addWidget(again)
    assert again.spots.layout_box.currentText() == "square"
    assert again.spots.pitch.value() == 80
    assert again.result.contrast.currentIndex() == 1
    qtbot.waitUntil(lambda: again.workspace.checkpoint is not None, timeout=PATIENCE)
    assert again.checkpoint.box.currentText() == trained.path.stem
