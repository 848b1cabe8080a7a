"""Columns of the spots (AnnData obs) as layers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy
from superqt.utils import signals_blocked

from napari_stem._napari.shell.panel import Panel, button
from napari_stem.analysis.columns import drawable_columns, labels_of

if TYPE_CHECKING:
    from napari_stem._napari.state.workspace import Workspace


class ColumnsPanel(Panel):
    """Shows a column: kinds as labels with a legend, numbers as a heatmap."""

    heading = "Columns of the spots"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.column = QComboBox()
        self.column.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.column.setToolTip("Column of the spot table (AnnData obs): an annotation, or numbers.")
        self.show_button = button("Show", "Show the column on the slide.")
        self.legend = QLabel()
        self.legend.setWordWrap(True)
        self.add_row(self.column, self.show_button)
        self.add_row(self.note)
        self.add_row(self.legend)
        self.show_button.clicked.connect(self._show)
        self.follow("spots", "column")
        self.refresh()

    def refresh(self) -> None:
        columns, former = self._columns(), self.column.currentText()
        with signals_blocked(self.column):
            self.column.clear()
            self.column.addItems(columns)
            self.column.setCurrentIndex(max(0, self.column.findText(former)))
        self.setEnabled(bool(columns))
        self.note.setText("" if columns else "These spots have no columns to show.")
        self.note.setVisible(not columns)
        legend = self._legend()
        self.legend.setText(legend)
        self.legend.setVisible(bool(legend))

    def _columns(self) -> list[str]:
        if self.workspace.spots is None:
            return []
        return drawable_columns(self.workspace.spots.obs)

    def _show(self) -> None:
        work, column = self.workspace, self.column.currentText()
        if work.column == column:
            work.events.column.emit(column)  # something else may be shown by now
        else:
            work.column = column

    def _legend(self) -> str:
        """The colours of the kinds of the shown column, as rich text."""
        work = self.workspace
        if not work.column or work.spots is None:
            return ""
        labels = labels_of(work.spots.obs[work.column])
        if labels is None:
            return ""
        about = zip(labels.colours, labels.names, labels.sizes, strict=True)
        return "<br>".join(
            f"<span style='color: {colour}'>●</span> {escape(name)}: {size:,}"
            for colour, name, size in about
        )
