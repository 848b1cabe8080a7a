"""The Results panel: which results of the slide are shown, and what is done with one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QItemSelectionModel, QSize, Qt
from qtpy.QtWidgets import QAbstractItemView, QInputDialog, QListWidget, QSizePolicy
from superqt.utils import signals_blocked

from napari_stem._napari.keeping.discarding import discard, export
from napari_stem._napari.shell.panel import Panel, menu_button
from napari_stem._napari.shell.shortcuts import RENAME
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.unsaved import Unsaved
from napari_stem.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.workspace import Workspace


_EDIT_WIDTH = 64  # pixels; napari's style counts no room for the arrow of a menu
_ROW = 20  # pixels, as in the table of genes
_MOST_ROWS = 4  # to see at once


class ResultsPanel(Panel):
    """Lists the results of the slide; compares several; shows, renames, exports, deletes one."""

    heading = "Results"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.list = QListWidget()
        self.list.setToolTip(
            "The result to show. Each keeps its spots, clusters and view. Ctrl+click or "
            "Shift+click selects several, which are shown side by side."
        )
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.edit_button = menu_button("Edit", "Rename, export or delete the selected result.")
        self.edit_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.edit_button.setMinimumWidth(_EDIT_WIDTH)
        menu = self.edit_button.menu()
        self.rename_action = menu.addAction(f"Rename… ({RENAME.text})", self._ask_name)
        self.export_action = menu.addAction("Export as AnnData…", self._export)
        self.delete_action = menu.addAction("Delete", self._delete)
        self.add_row(self.list, self.edit_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.list.itemSelectionChanged.connect(self._choose)
        RENAME.bind(self, self._ask_name)
        self.follow("results", "shown", "result", "clusters", "comparison")

    def refresh(self) -> None:
        kept, shown = self.workspace.session.kept, self.workspace.shown
        self.setVisible(bool(kept))
        if not kept:
            return
        with signals_blocked(self.list):
            self._list(kept)
        is_alone = self.workspace.comparison.kind != "results"
        self.note.setText(_about(kept[shown]) if is_alone else "Side by side, on one colour scale")
        self.note.setVisible(len(kept) > 1)  # one result takes one line
        self.edit_button.setEnabled(is_alone)
        self.export_action.setEnabled(kept[shown].result.prediction is not None)

    def _list(self, kept: Sequence[KeptResult]) -> None:
        """Show names and selection in the items that are there: Qt may be handling one of them."""
        comparison, chosen = self.workspace.comparison, {self.workspace.shown}
        if comparison.kind == "results":
            chosen = set(comparison.results or range(len(kept)))
        while self.list.count() > len(kept):
            self.list.takeItem(self.list.count() - 1)
        self.list.addItems([""] * (len(kept) - self.list.count()))
        for row, one in enumerate(kept):
            item = self.list.item(row)
            item.setText(f"{one.name} ({counted(one.result.spots.n_obs, 'spot')})")
            item.setToolTip(_about(one))
            item.setSizeHint(QSize(0, _ROW))
            item.setSelected(row in chosen)
        if len(chosen) == 1:
            self.list.setCurrentRow(*chosen, QItemSelectionModel.SelectionFlag.NoUpdate)
        height = _ROW * min(len(kept), _MOST_ROWS) + 2 * self.list.frameWidth()
        self.list.setFixedHeight(height)

    def _choose(self) -> None:
        """Show the selected result, or several side by side; one is always selected."""
        rows = sorted(index.row() for index in self.list.selectedIndexes())
        if len(rows) > 1:
            self.workspace.compare(Comparison("results", results=tuple(rows)))
        elif rows:
            self.workspace.show_result(rows[0])
        else:
            self.refresh()

    def _shown(self) -> KeptResult:
        return self.workspace.session.kept[self.workspace.shown]

    def _ask_name(self) -> None:
        if not self.edit_button.isEnabled():
            return  # several are selected
        row, former = self.workspace.shown, self._shown().name
        name, is_chosen = QInputDialog.getText(self, "Rename result", "Name:", text=former)
        if is_chosen and name.strip():
            self.workspace.rename_result(row, name.strip())

    def _export(self) -> None:
        export(self, self.workspace, [self._shown()])

    def _delete(self) -> None:
        shown = self._shown()
        lost = Unsaved([] if shown.is_saved else [shown])
        discard(self, self.workspace, lost, "Delete result", partial(self._forget, shown))

    def _forget(self, gone: KeptResult) -> None:
        for row, kept in enumerate(self.workspace.session.kept):
            if kept.result.continues(gone.result):
                self.workspace.delete_result(row)
                return


def _about(kept: KeptResult) -> str:
    """Checkpoint, draws, and whether a file holds it."""
    lines = [counted(kept.result.n_draws, "draw")]
    if kept.request is not None:
        lines.insert(0, kept.request.checkpoint.path.stem)
        lines.append(f"seed {kept.request.options.seed}")
    lines.append("exported" if kept.is_saved else "not exported")
    return ", ".join(lines)
