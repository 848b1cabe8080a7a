"""Spots above a threshold: selected, or as a mask layer for measurements in napari."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import ref

import numpy as np
from qtpy.QtWidgets import QDoubleSpinBox

from napari_stem._napari.canvas.attach import canvas_of
from napari_stem._napari.shell.panel import Panel, button
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem._napari.state.workspace import Workspace


class ThresholdPanel(Panel):
    """Thresholds the gene and the statistic that are shown."""

    heading = "Threshold"

    def __init__(self, viewer: Viewer, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._viewer = ref(viewer)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.least = QDoubleSpinBox()
        self.least.setRange(0, 1000)
        self.least.setDecimals(2)
        self.least.setSingleStep(0.1)
        self.least.setPrefix("at least ")
        self.least.setValue(1)
        self.least.setToolTip(
            "Spots whose shown value is at least this (default 1), in the unit of the colour bar."
        )
        self.select_button = button("Select", "Select these spots, to group them.")
        self.mask_button = button(
            "Mask layer", "Add these spots as a Labels layer, named after the gene, in µm."
        )
        self.add_row(self.note)
        self.add_row(self.least)
        self.add_row(self.select_button, self.mask_button)

    def _connect(self) -> None:
        self.least.valueChanged.connect(self.refresh)
        self.select_button.clicked.connect(self._select)
        self.mask_button.clicked.connect(self._add_mask)
        self.follow("result", "gene", "statistic")

    def refresh(self) -> None:
        work, result = self.workspace, self.workspace.result
        self.setEnabled(result is not None)
        if result is None:
            self.note.setText("No prediction yet.")
            return
        n_spots, shown = int(self._spots().sum()), result.name_of(work.gene, work.statistic)
        self.note.setText(f"{shown}: {n_spots:,} of {counted(result.spots.n_obs, 'spot')}")
        self.mask_button.setEnabled(n_spots > 0)

    def _spots(self) -> NDArray[np.bool_]:
        work, result = self.workspace, self.workspace.result
        assert result is not None  # otherwise the panel is disabled
        return np.asarray(result.of(work.gene, work.statistic) >= self.least.value())

    def _select(self) -> None:
        self.workspace.select_spots(self._spots())

    def _add_mask(self) -> None:
        work, result, viewer = self.workspace, self.workspace.result, self._viewer()
        if result is not None and viewer is not None:
            shown = result.name_of(work.gene, work.statistic)
            name = f"{shown} ≥ {self.least.value():g}"
            canvas_of(viewer).add_mask(result, self._spots(), name)
