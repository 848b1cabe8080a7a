"""The clusters of the result: names, colours, which are shown, merged and singled out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton

from napari_stem._napari.clusters.legend_table import LegendTable
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.shell.worker import notify
from napari_stem.errors import StemError

if TYPE_CHECKING:
    from napari_stem._napari.clusters.edits import ClusterEdits
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_TABLE_HEIGHT = 200


class LegendPanel(Panel):
    """Edit the workspace's clusters; every edit can be undone."""

    heading = "Legend"

    def __init__(self, workspace: Workspace, edits: ClusterEdits) -> None:
        super().__init__(workspace)
        self._edits = edits
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.table = LegendTable()
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.merge_button = button("Merge", "Make one cluster of those that are selected.")
        self.only_button = button("Show only", "Hide all clusters but those that are selected.")
        self.hide_button = button("Hide", "Hide the clusters that are selected.")
        self.all_button = button("Show all", "Hide no cluster.")
        self.undo_button = button("Undo", "")
        self.redo_button = button("Redo", "")
        self.reset_button = button("Reset", "Take back all edits: clusters as Leiden found them.")
        self.pick_button = button(
            "Pick", "Click spots on the slide to select their cluster; with Shift, several."
        )
        self.pick_button.setCheckable(True)
        self.add_row(self.note)
        self.add_row(self.table)
        self.add_row(self.merge_button, self.only_button, self.hide_button, self.all_button)
        self.add_row(self.undo_button, self.redo_button, self.reset_button, self.pick_button)

    def _connect(self) -> None:
        self.table.selected.connect(self._select)
        self.table.hidden.connect(self._hide)
        self.table.renamed.connect(self._rename)
        self.table.recoloured.connect(self._recolour)
        self.merge_button.clicked.connect(self._merge)
        self.only_button.clicked.connect(self._show_only)
        self.hide_button.clicked.connect(lambda: self._hide(self._now().hidden | self._chosen()))
        self.all_button.clicked.connect(lambda: self._hide(()))
        self.reset_button.clicked.connect(self._reset)
        stack = self._edits.stack
        self.undo_button.clicked.connect(stack.undo)
        self.redo_button.clicked.connect(stack.redo)
        stack.indexChanged.connect(self._name_undo)
        self.workspace.events.clusters.connect(self.refresh)
        self.workspace.events.result.connect(self.refresh)
        self._name_undo()

    def refresh(self) -> None:
        clusters = self.workspace.clusters
        self.setEnabled(clusters is not None)
        self.table.show_clusters(clusters)
        self.note.setText(_words(clusters))
        selected, hidden = (len(clusters.selected), len(clusters.hidden)) if clusters else (0, 0)
        self.merge_button.setEnabled(selected > 1)
        self.only_button.setEnabled(selected > 0)
        self.hide_button.setEnabled(selected > 0)
        self.all_button.setEnabled(hidden > 0)

    def _now(self) -> Clusters:
        clusters = self.workspace.clusters
        assert clusters is not None  # the panel is disabled without
        return clusters

    def _chosen(self) -> frozenset[int]:
        return self._now().selected

    def _select(self, numbers: set[int]) -> None:
        if numbers != self._chosen():
            self.workspace.clusters = self._now().selecting(numbers)

    def _rename(self, number: int, name: str) -> None:
        if name != self._now().titles[number - 1]:
            self._edit("rename", lambda clusters: clusters.renamed(number, name))

    def _recolour(self, number: int, colour: str) -> None:
        self._edit("colour", lambda clusters: clusters.recoloured(number, colour))

    def _merge(self) -> None:
        self._edit("merge", lambda clusters: clusters.merged(clusters.selected))

    def _hide(self, numbers: set[int] | frozenset[int] | tuple[()]) -> None:
        self._edit("hide", lambda clusters: clusters.hiding(numbers))

    def _show_only(self) -> None:
        everything = set(range(1, len(self._now().names) + 1))
        self._edit("show only", lambda clusters: clusters.hiding(everything - clusters.selected))

    def _reset(self) -> None:
        self._edit("reset", lambda clusters: clusters.unedited())

    def _edit(self, what: str, change: Callable[[Clusters], Clusters]) -> None:
        try:
            self._edits.do(what, change(self._now()))
        except StemError as error:
            notify(error)
            self.refresh()  # what was typed goes

    def _name_undo(self) -> None:
        stack = self._edits.stack
        _offer(self.undo_button, stack.undoText(), "Undo: {} (Ctrl+Z)", "Nothing to undo.")
        _offer(self.redo_button, stack.redoText(), "Redo: {} (Ctrl+Shift+Z)", "Nothing to redo.")


def _words(clusters: Clusters | None) -> str:
    if clusters is None:
        return "Not clustered yet."
    if not clusters.selected:
        return f"{len(clusters.names)} clusters of {len(clusters.numbers):,} spots"
    spots = int(clusters.selected_spots.sum())
    share = 100 * spots / len(clusters.numbers)
    return f"{spots:,} of {len(clusters.numbers):,} spots selected ({share:.1f} %)"


def _offer(control: QPushButton, what: str, tip: str, otherwise: str) -> None:
    control.setEnabled(bool(what))
    control.setToolTip(tip.format(what) if what else otherwise)
