"""The legend of clusters: rename, recolour, hide, select and merge them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QPushButton

from napari_stem._napari.clusters.legend_table import LegendTable
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.errors import StemError
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_TABLE_HEIGHT = 200


class LegendPanel(Panel):
    """Edits the clusters of the workspace; every edit can be undone."""

    heading = "Legend"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.table = LegendTable()
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.merge_button = button("Merge", "Merge the selected clusters into one.")
        self.only_button = button("Show only", "Hide all clusters except the selected ones.")
        self.hide_button = button("Hide", "Hide the selected clusters.")
        self.all_button = button("Show all", "Show all clusters.")
        self.undo_button = button("Undo", "")
        self.redo_button = button("Redo", "")
        self.reset_button = button(
            "Reset", "Discard all edits and show the clusters as Leiden found them."
        )
        self.pick_button = button(
            "Pick", "Select clusters by clicking their spots on the slide. Shift adds, Esc ends."
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
        self.hide_button.clicked.connect(self._hide_selected)
        self.all_button.clicked.connect(lambda: self._hide(()))
        self.reset_button.clicked.connect(self._reset)
        self.undo_button.clicked.connect(self.workspace.undo)
        self.redo_button.clicked.connect(self.workspace.redo)
        self.follow("clusters", "cluster_view", "edits", "result")

    def refresh(self) -> None:
        clusters, view = self.workspace.clusters, self.workspace.cluster_view
        self.setEnabled(clusters is not None)
        self.table.show_clusters(clusters, view)
        self.note.setText(_words(clusters, view))
        self.merge_button.setEnabled(len(view.selected) > 1)
        self.only_button.setEnabled(bool(view.selected))
        self.hide_button.setEnabled(bool(view.selected))
        self.all_button.setEnabled(bool(view.hidden))
        edits = self.workspace.edits
        offer(self.undo_button, edits.next_undo, "Undo: {} (Ctrl+Z)", "Nothing to undo.")
        offer(self.redo_button, edits.next_redo, "Redo: {} (Ctrl+Shift+Z)", "Nothing to redo.")

    def _now(self) -> Clusters:
        clusters = self.workspace.clusters
        assert clusters is not None  # otherwise the panel is disabled
        return clusters

    def _view(self) -> ClusterView:
        return self.workspace.cluster_view

    def _select(self, numbers: set[int]) -> None:
        self.workspace.cluster_view = self._view().selecting(numbers)

    def _rename(self, number: int, name: str) -> None:
        if name != self._now().titles[number - 1]:
            self._edit("rename", lambda clusters: clusters.renamed(number, name))

    def _recolour(self, number: int, colour: str) -> None:
        self._edit("colour", lambda clusters: clusters.recoloured(number, colour))

    def _merge(self) -> None:
        view, selected = self._view(), self._view().selected
        self._edit("merge", lambda clusters: clusters.merged(selected), view.merged(selected))

    def _hide(self, numbers: Collection[int]) -> None:
        self._look("hide", self._view().hiding(numbers))

    def _hide_selected(self) -> None:
        self._hide(self._view().hidden | self._view().selected)

    def _show_only(self) -> None:
        everything = set(range(1, len(self._now().names) + 1))
        self._look("show only", self._view().hiding(everything - self._view().selected))

    def _reset(self) -> None:
        self._edit("reset", lambda clusters: clusters.unedited(), ClusterView())

    def _look(self, what: str, view: ClusterView) -> None:
        self.workspace.edit_clusters(what, self._now(), view)

    def _edit(
        self, what: str, change: Callable[[Clusters], Clusters], view: ClusterView | None = None
    ) -> None:
        try:
            edited = change(self._now())
        except StemError as error:
            self.refuse(error)  # and restore the former name
        else:
            self.workspace.edit_clusters(what, edited, self._view() if view is None else view)


def _words(clusters: Clusters | None, view: ClusterView) -> str:
    if clusters is None:
        return "No clusters yet."
    total = counted(len(clusters.numbers), "spot")
    if not view.selected:
        return f"{counted(len(clusters.names), 'cluster')}, {total}"
    spots = int(clusters.spots_in(view.selected).sum())
    share = 100 * spots / len(clusters.numbers)
    return f"{spots:,} of {total} selected ({share:.1f} %)"


def offer(control: QPushButton, what: str, tip: str, otherwise: str) -> None:
    """Offer an edit by its name, or say why there is none."""
    control.setEnabled(bool(what))
    control.setToolTip(tip.format(what) if what else otherwise)
