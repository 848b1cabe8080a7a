"""Leiden clusters of the result, and the settings that decide them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_stem._napari.clusters import tasks
from napari_stem._napari.shell.choices import choose_leiden
from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.page import listen
from napari_stem._napari.shell.panel import Panel, button
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.analysis.leiden_options import LeidenOptions

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters


class LeidenPanel(Panel):
    """Cluster spots by their predicted expression."""

    heading = "Leiden"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.form = Form.of(self.workspace.leiden)
        self.cluster_button = button("Cluster", "Find Leiden clusters of the predicted spots.")
        for label, control in self.form.rows():
            self.add_row(control, label=label)
        self.add_row(self.cluster_button)
        self.add_row(self.note)

    def _connect(self) -> None:
        self.cluster_button.clicked.connect(self.cluster)
        self.follow("result", "clusters")
        listen(self, self.workspace.run.events.request, self.refresh)

    def cluster(self) -> None:
        """Cluster the result."""
        result = self.workspace.result
        assert result is not None  # the panel is disabled without
        options = self.form.value(LeidenOptions)
        choose_leiden(self.workspace, options)
        task = tasks.find_clusters(result, options)
        say = f"Clustering {result.spots.n_obs:,} spots…"
        self.run(task, say, partial(self._take, result))

    def _take(self, result: Result, found: Clusters) -> None:
        now = self.workspace.result
        if now is None or not now.has_draws_of(result):
            return
        if self.workspace.clusters is None:
            self.workspace.take_clusters(found)
        else:
            self.workspace.edit_clusters("cluster again", found, ClusterView())

    def refresh(self) -> None:
        if self.is_busy:
            return  # until its end
        result = self.workspace.result
        why_not = self.workspace.run.lacking(result)
        self.setEnabled(not why_not)
        sizes = f"{result.spots.n_obs:,} spots, {len(result.genes):,} genes" if result else ""
        self.note.setText(why_not or sizes)
        again = self.workspace.clusters is not None
        self.cluster_button.setText("Cluster again" if again else "Cluster")
