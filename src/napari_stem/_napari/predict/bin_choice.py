"""The choice of the bin size of Visium HD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData


class BinChoice(QComboBox):
    """A box of bin sizes in µm; hidden unless the spots come in several sizes.

    Attributes
    ----------
    chosen
        Emits the folder of the spots, and the chosen size in µm.
    """

    chosen = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self.setToolTip(
            "Bin size of Visium HD in µm. Smaller bins show more detail but hold fewer counts; "
            "half the size gives four times as many bins."
        )
        self.activated.connect(self._choose)
        self.offer(None)

    def offer(self, spots: AnnData | None) -> None:
        """Offer the bin sizes in the files of these spots, with their own size chosen."""
        self.clear()
        self._folder = None
        if spots is not None:
            from napari_stem.spots.source import source_of  # imported already by whoever read them

            source = source_of(spots)
            self._folder = source.folder
            for size in source.bins:
                self.addItem(f"{size} µm bins", size)
            self.setCurrentIndex(self.findData(int(source.pitch_um or 0)))
        self.setVisible(self.count() > 0)

    def _choose(self, _: int) -> None:
        self.chosen.emit(self._folder, self.currentData())
