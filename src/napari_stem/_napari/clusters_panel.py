"""Clusters of the result, with a legend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QDoubleSpinBox, QListWidget, QListWidgetItem

from napari_stem._napari import tasks
from napari_stem._napari.memory import remember, remembered
from napari_stem._napari.panel import Panel, button

if TYPE_CHECKING:
    from napari_stem._napari.result import Clusters
    from napari_stem._napari.workspace import Workspace

_SWATCH = 12  # pixels
_LEGEND_HEIGHT = 130


class ClustersPanel(Panel):
    """Cluster spots by their predicted expression."""

    heading = "Clusters"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.resolution = QDoubleSpinBox()
        self.resolution.setRange(0.05, 10)
        self.resolution.setSingleStep(0.1)
        self.resolution.setPrefix("resolution ")
        self.resolution.setValue(remembered("resolution", 1.0))
        self.resolution.setToolTip("Resolution of Leiden; higher gives more clusters (default 1).")
        self.cluster_button = button("Cluster", "Find Leiden clusters of the predicted spots.")
        self.legend = QListWidget()
        self.legend.setFixedHeight(_LEGEND_HEIGHT)
        self.legend.setToolTip("Colour, name and number of spots of each cluster.")
        self.add_row(self.resolution, self.cluster_button)
        self.add_row(self.note)
        self.add_row(self.legend)

    def _connect(self) -> None:
        self.cluster_button.clicked.connect(self.cluster)
        self.workspace.events.result.connect(self.refresh)
        self.workspace.events.clusters.connect(self.refresh)

    def cluster(self) -> None:
        """Cluster the result."""
        result, resolution = self.workspace.result, self.resolution.value()
        assert result is not None  # the panel is disabled without
        remember(resolution=resolution)

        def take(clusters: Clusters) -> None:
            if self.workspace.result is result:
                self.workspace.clusters = clusters

        self.run(tasks.find_clusters(result, resolution=resolution), "Clustering…", take)

    def refresh(self) -> None:
        result, clusters = self.workspace.result, self.workspace.clusters
        self.setEnabled(result is not None and result.prediction is not None)
        self.legend.clear()
        if clusters is None:
            self.note.setText("Not clustered yet.")
            return
        self.note.setText(f"{len(clusters.names)} clusters")
        for name, colour, size in zip(
            clusters.names, clusters.colours, clusters.sizes, strict=True
        ):
            self.legend.addItem(QListWidgetItem(_swatch(colour), f"Cluster {name}, {size:,} spots"))


def _swatch(colour: str) -> QIcon:
    pixmap = QPixmap(_SWATCH, _SWATCH)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
