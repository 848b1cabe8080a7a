"""The Results panel: which result of the slide is shown, and what is done with it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QInputDialog, QSizePolicy
from superqt.utils import signals_blocked

from napari_stem._napari.keeping.discarding import discard, export
from napari_stem._napari.shell.panel import Panel, menu_button
from napari_stem._napari.shell.shortcuts import RENAME
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.workspace import Workspace


_EDIT_WIDTH = 64  # pixels; napari's style counts no room for the arrow of a menu


class ResultsPanel(Panel):
    """Lists the results of the slide; shows, renames, exports and deletes one."""

    heading = "Results"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.box = QComboBox()
        self.box.setToolTip("The result to show. Each keeps its spots, clusters and view.")
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.edit_button = menu_button("Edit", "Rename, export or delete the shown result.")
        self.edit_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.edit_button.setMinimumWidth(_EDIT_WIDTH)
        menu = self.edit_button.menu()
        self.rename_action = menu.addAction(f"Rename… ({RENAME.text})", self._ask_name)
        self.export_action = menu.addAction("Export as AnnData…", self._export)
        self.delete_action = menu.addAction("Delete", self._delete)
        self.add_row(self.box, self.edit_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.box.activated.connect(self.workspace.show_result)
        RENAME.bind(self, self._ask_name)
        self.follow("results", "shown", "result", "clusters")

    def refresh(self) -> None:
        kept, shown = self.workspace.session.kept, self.workspace.shown
        self.setVisible(bool(kept))
        if not kept:
            return
        with signals_blocked(self.box):
            self.box.clear()
            for row, one in enumerate(kept):
                self.box.addItem(f"{one.name} ({counted(one.result.spots.n_obs, 'spot')})")
                self.box.setItemData(row, _about(one), Qt.ItemDataRole.ToolTipRole)
            self.box.setCurrentIndex(shown)
        self.note.setText(_about(kept[shown]))
        self.note.setVisible(len(kept) > 1)  # one result takes one line
        self.export_action.setEnabled(kept[shown].result.prediction is not None)

    def _shown(self) -> KeptResult:
        return self.workspace.session.kept[self.workspace.shown]

    def _ask_name(self) -> None:
        row, former = self.workspace.shown, self._shown().name
        name, is_chosen = QInputDialog.getText(self, "Rename result", "Name:", text=former)
        if is_chosen and name.strip():
            self.workspace.rename_result(row, name.strip())

    def _export(self) -> None:
        export(self, self.workspace, [self._shown()])

    def _delete(self) -> None:
        shown = self._shown()
        discard(self, self.workspace, [shown], "Delete result", partial(self._forget, shown))

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
