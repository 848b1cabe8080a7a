"""Groups of spots: select with a lasso, name, recolour, remove."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_stem._napari.clusters.legend_panel import offer
from napari_stem._napari.clusters.legend_table import LegendTable
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.analysis.groups import no_groups, with_group, without_group
from napari_stem.errors import StemError
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_TABLE_HEIGHT = 120


class GroupsPanel(Panel):
    """Selects spots and puts them into named groups; every edit can be undone."""

    heading = "Groups of spots"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._marked: frozenset[int] = frozenset()  # groups whose rows are selected
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.lasso_button = button(
            "Lasso",
            "Drag around spots on the slide to select them. Shift adds to the selection, a click "
            "clears it, Esc ends.",
        )
        self.lasso_button.setCheckable(True)
        self.clear_button = button("Clear", "Select no spots.")
        self.name = QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.name.lineEdit().setPlaceholderText("Name of the group")
        self.name.setToolTip("A new name, or that of a group which the selected spots join.")
        self.add_button = button(
            "Group", "Put the selected spots into the group of this name. A spot is in one group."
        )
        self.add_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.table = LegendTable("group", can_hide=False)
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.show_button = button("Show", "Show the groups on the slide.")
        self.remove_button = button("Remove", "Remove the selected groups; their spots stay.")
        self.undo_button = button("Undo", "")
        self.redo_button = button("Redo", "")
        self.add_row(self.lasso_button, self.clear_button)
        self.add_row(self.note)
        self.add_row(self.name, self.add_button)
        self.add_row(self.table)
        self.add_row(self.show_button, self.remove_button, self.undo_button, self.redo_button)

    def _connect(self) -> None:
        work = self.workspace
        self.clear_button.clicked.connect(self._clear)
        self.add_button.clicked.connect(self._group)
        self.name.lineEdit().returnPressed.connect(self._group)
        self.table.selected.connect(self._select)
        self.table.renamed.connect(self._rename)
        self.table.recoloured.connect(self._recolour)
        self.show_button.clicked.connect(self._show)
        self.remove_button.clicked.connect(self._remove)
        self.undo_button.clicked.connect(work.undo_groups)
        self.redo_button.clicked.connect(work.redo_groups)
        self.follow("groups", "group_edits", "selected_spots", "result")

    def refresh(self) -> None:
        work, groups = self.workspace, self.workspace.groups
        self.setEnabled(work.result is not None)
        if work.result is None:
            self.lasso_button.setChecked(False)
        is_selected, are_there = work.selected_spots is not None, bool(groups and groups.names)
        self.note.setText(_words(work))
        self.add_button.setEnabled(is_selected)
        self.clear_button.setEnabled(is_selected)
        self._marked = self._marked if is_selected else frozenset()
        self.table.show_clusters(groups, ClusterView(selected=self._marked))
        for control in (self.table, self.show_button, self.remove_button):
            control.setVisible(are_there)
        self.remove_button.setEnabled(bool(self._marked))
        self._offer_names(groups.names if groups else ())
        edits = work.group_edits
        offer(self.undo_button, edits.next_undo, "Undo: {} (Ctrl+Z)", "Nothing to undo.")
        offer(self.redo_button, edits.next_redo, "Redo: {} (Ctrl+Shift+Z)", "Nothing to redo.")

    def _offer_names(self, names: tuple[str, ...]) -> None:
        typed = self.name.currentText()
        if tuple(self.name.itemText(row) for row in range(self.name.count())) != names:
            self.name.clear()
            self.name.addItems(names)
            self.name.setEditText(typed)

    def _now(self) -> Clusters:
        result, groups = self.workspace.result, self.workspace.groups
        assert result is not None  # otherwise the panel is disabled
        return no_groups(result.spots.n_obs) if groups is None else groups

    def _group(self) -> None:
        spots, name = self.workspace.selected_spots, self.name.currentText()
        if spots is None:
            return
        if self._edit("group spots", lambda groups: with_group(groups, spots, name)):
            self.name.setEditText("")
            self._clear()

    def _clear(self) -> None:
        self.workspace.select_spots(np.zeros(0, bool))

    def _select(self, numbers: set[int]) -> None:
        self._marked = frozenset(numbers)
        self.workspace.select_spots(self._now().spots_in(numbers))

    def _rename(self, number: int, name: str) -> None:
        if name != self._now().titles[number - 1]:
            self._edit("rename group", lambda groups: groups.renamed(number, name))

    def _recolour(self, number: int, colour: str) -> None:
        self._edit("colour group", lambda groups: groups.recoloured(number, colour))

    def _remove(self) -> None:
        marked = sorted(self._marked, reverse=True)  # those before a removed one keep their number

        def removed(groups: Clusters) -> Clusters:
            for number in marked:
                groups = without_group(groups, number)
            return groups

        if self._edit("remove group", removed):
            self._clear()

    def _show(self) -> None:
        self.workspace.events.groups.emit(self.workspace.groups)

    def _edit(self, what: str, change: Callable[[Clusters], Clusters]) -> bool:
        try:
            edited = change(self._now())
        except StemError as error:
            self.refuse(error)  # and restore the former name
            return False
        self.workspace.edit_groups(what, edited)
        return True


def _words(work: Workspace) -> str:
    if work.result is None:
        return "No prediction yet."
    if work.selected_spots is None:
        return "No spots selected."
    n_spots = int(work.selected_spots.sum())
    return f"{n_spots:,} of {counted(work.result.spots.n_obs, 'spot')} selected"
