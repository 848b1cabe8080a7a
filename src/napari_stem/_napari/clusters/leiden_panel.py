"""Leiden clusters of the result, and the settings that decide them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from napari_stem._napari.clusters import tasks
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button, lacking
from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem._napari.state.cluster_view import ClusterView

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_ALL = 0  # genes


class LeidenPanel(Panel):
    """Cluster spots by their predicted expression."""

    heading = "Leiden"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.resolution = QDoubleSpinBox()
        self.resolution.setRange(0.05, 10)
        self.resolution.setSingleStep(0.1)
        self.resolution.setValue(remembered("resolution", 1.0))
        self.resolution.setToolTip("Resolution of Leiden; higher gives more clusters (default 1).")
        self.genes = QSpinBox()
        self.genes.setRange(_ALL, 100_000)
        self.genes.setSingleStep(50)
        self.genes.setSpecialValueText("all")
        self.genes.setValue(remembered("cluster_genes", _ALL))
        self.genes.setToolTip(
            "How many of the genes that vary most between spots decide (default all)."
        )
        self.seed = QSpinBox()
        self.seed.setRange(0, 2**31 - 1)
        self.seed.setValue(remembered("cluster_seed", 0))
        self.seed.setToolTip("The same seed gives the same clusters (default 0).")
        self.cluster_button = button("Cluster", "Find Leiden clusters of the predicted spots.")
        self.add_row(self.resolution, label="Resolution")
        self.add_row(self.genes, label="Genes")
        self.add_row(self.seed, label="Seed")
        self.add_row(self.cluster_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.cluster_button.clicked.connect(self.cluster)
        for name in ("result", "clusters"):
            listen(self, self.workspace.events[name], self.refresh)
        listen(self, self.workspace.run.events.request, self.refresh)

    def cluster(self) -> None:
        """Cluster the result."""
        result = self.workspace.result
        assert result is not None  # the panel is disabled without
        resolution, genes, seed = (
            control.value() for control in (self.resolution, self.genes, self.seed)
        )
        remember(resolution=resolution, cluster_genes=genes, cluster_seed=seed)
        task = tasks.find_clusters(
            result, resolution=resolution, n_genes=None if genes == _ALL else genes, seed=seed
        )
        say = f"Clustering {result.spots.n_obs:,} spots…"
        self.run(task, say, partial(self._take, result))

    def _take(self, result: Result, found: Clusters) -> None:
        now = self.workspace.result
        if now is None or now.prediction is not result.prediction:
            return
        if self.workspace.clusters is None:
            self.workspace.take_clusters(found)
        else:
            self.workspace.edit_clusters("cluster again", found, ClusterView())

    def refresh(self) -> None:
        if self.is_busy:
            return  # until its end
        result, why_not = self.workspace.result, lacking(self.workspace)
        self.setEnabled(not why_not)
        sizes = f"{result.spots.n_obs:,} spots, {len(result.genes):,} genes" if result else ""
        self.note.setText(why_not or sizes)
        again = self.workspace.clusters is not None
        self.cluster_button.setText("Cluster again" if again else "Cluster")
