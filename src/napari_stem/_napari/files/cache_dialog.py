"""The dialog that shows the cache, limits its size and clears it."""

from __future__ import annotations

from pathlib import Path

from napari.viewer import Viewer  # napari reads the annotation when it runs the command
from qtpy.QtCore import QLocale, Qt
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QWidget,
)

from napari_stem._napari.shell.cache_limit import choose_limit, follow_preference
from napari_stem._napari.shell.docks import unwrapped, window_of
from napari_stem._napari.shell.panel import button
from napari_stem._napari.shell.worker import start
from napari_stem.cache import KINDS, LIMITS_GB, Entry, clear, entries, limit_gb, trim
from napari_stem.events import Events, Progress
from napari_stem.storage import cache_dir
from napari_stem.text import counted


def show_cache(viewer: Viewer) -> None:
    """Open the dialog of the cache."""
    follow_preference()
    CacheDialog(cache_dir(), window_of(unwrapped(viewer))).show()


class CacheDialog(QDialog):
    """Sizes by kind, the limit, and a button that clears what can be computed again."""

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Stem cache")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._folder = folder
        self.sizes = {kind: QLabel("…") for kind in KINDS}
        self.limit = QDoubleSpinBox()
        self.limit.setRange(*LIMITS_GB)
        self.limit.setDecimals(2)
        self.limit.setSuffix(" GB")
        self.limit.setValue(limit_gb(folder))
        self.limit.setToolTip(
            "When new results pass this size, those used longest ago are removed (default 20 GB)."
        )
        self.clear_button = button(
            "Clear", "Remove embeddings, draws and overviews. Downloads and exports stay."
        )
        self._lay_out()
        self.limit.valueChanged.connect(choose_limit)
        self.clear_button.clicked.connect(self._clear)
        self._run(_trimmed(folder))

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        place = QLabel(str(self._folder))
        place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        form.addRow("Folder", place)
        for kind, content in KINDS.items():
            form.addRow(content.capitalize(), self.sizes[kind])
        form.addRow("Limit", self.limit)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.addButton(self.clear_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.close)
        form.addRow(buttons)

    def _clear(self) -> None:
        self.clear_button.setEnabled(False)
        self._run(_cleared(self._folder))

    def _run(self, work: Events[list[Entry]]) -> None:
        job = start(work, self)
        job.result.connect(self._show)
        job.ended.connect(lambda: self.clear_button.setEnabled(True))

    def _show(self, found: list[Entry]) -> None:
        for kind, label in self.sizes.items():
            sizes = [entry.size for entry in found if entry.kind == kind]
            size = self.locale().formattedDataSize(
                sum(sizes), 1, QLocale.DataSizeFormat.DataSizeSIFormat
            )
            label.setText(f"{size} in {counted(len(sizes), 'result')}")


def _trimmed(folder: Path) -> Events[list[Entry]]:
    yield Progress(0, 0, "read", "cache")
    trim(folder)
    return entries(folder)


def _cleared(folder: Path) -> Events[list[Entry]]:
    yield Progress(0, 0, "clear", "cache")
    clear(folder)
    return entries(folder)
