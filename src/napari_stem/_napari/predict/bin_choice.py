"""The choice among the sizes of Visium HD's bins, where spots have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData


class BinChoice(QComboBox):
    """Sizes of bins; hidden for spots of one size.

    Attributes
    ----------
    chosen
        Tells the folder of the spots, and the micrometres that the user chose.
    """

    chosen = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self.setToolTip(
            "Size of Visium HD's bins. Smaller ones show more and count less each; there are four "
            "times as many at half the size."
        )
        self.activated.connect(self._choose)
        self.offer(None)

    def offer(self, spots: AnnData | None) -> None:
        """Offer the sizes that the files of some spots have, theirs being chosen."""
        self.clear()
        self._folder = None
        if spots is not None:
            from napari_stem.io import source_of  # long since imported by who read them

            source = source_of(spots)
            self._folder = source.folder
            for size in source.bins:
                self.addItem(f"{size} µm bins", size)
            self.setCurrentIndex(self.findData(int(source.pitch_um or 0)))
        self.setVisible(self.count() > 0)

    def _choose(self, _: int) -> None:
        self.chosen.emit(self._folder, self.currentData())
