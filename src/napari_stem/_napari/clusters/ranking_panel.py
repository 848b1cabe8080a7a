"""The marker genes of each cluster."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari.utils.notifications import show_info
from qtpy.QtWidgets import QApplication, QComboBox, QSizePolicy

from napari_stem._napari.clusters import tasks
from napari_stem._napari.clusters.ranking_table import CAVEAT, RankingTable
from napari_stem._napari.shell.choices import choose_export
from napari_stem._napari.shell.dialogs import ask_save, beside
from napari_stem._napari.shell.panel import Panel, button

if TYPE_CHECKING:
    from pandas import DataFrame

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_TABLE_HEIGHT = 200


class RankingPanel(Panel):
    """Ranks the genes of each cluster against all other spots; selecting a gene shows it."""

    heading = "Marker genes of clusters"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._ranking: DataFrame | None = None
        self._of: Clusters | None = None  # the clusters that were ranked
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.rank_button = button(
            "Rank genes",
            "Rank the genes of each cluster against all other spots (Wilcoxon rank-sum test).",
        )
        self.cluster = QComboBox()
        self.cluster.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.cluster.setToolTip(
            "The cluster whose genes are listed. It follows the selection in the legend."
        )
        self.table = RankingTable()
        self.table.setFixedHeight(_TABLE_HEIGHT)
        self.copy_button = button("Copy", "Copy the table to the clipboard, for a spreadsheet.")
        self.save_button = button("Save…", "Save the marker genes of all clusters as a CSV file.")
        self.add_row(self.rank_button, self.cluster)
        self.add_row(self.note)
        self.add_row(self.table)
        self.add_row(self.copy_button, self.save_button)

    def _connect(self) -> None:
        self.rank_button.clicked.connect(self.rank)
        self.cluster.activated.connect(self._show)
        self.table.chosen.connect(self.workspace.look_at)
        self.copy_button.clicked.connect(self._copy)
        self.save_button.clicked.connect(self._ask)
        self.follow("clusters", "cluster_view", "result")

    def rank(self) -> None:
        """Rank the genes of all clusters."""
        result, clusters = self.workspace.result, self.workspace.clusters
        assert result is not None  # otherwise the panel is disabled
        assert clusters is not None
        task = tasks.rank_genes(result, clusters)
        self.run(task, "Ranking genes…", partial(self._take, clusters))

    def save(self, path: Path) -> None:
        """Write the marker genes of all clusters, with the names of the clusters."""
        assert self._ranking is not None  # otherwise the button is disabled
        assert self.workspace.clusters is not None
        choose_export(self.workspace, path, self.workspace.export_format)
        task = tasks.save_ranking(self._ranking, self.workspace.clusters, path)
        self.run(task, f"Writing {path.name}…", lambda _: show_info(f"Written: {path.name}"))

    def refresh(self) -> None:
        clusters, result = self.workspace.clusters, self.workspace.result
        self.setEnabled(clusters is not None and bool(result and result.prediction is not None))
        former = self.cluster.currentIndex()
        self.cluster.clear()
        if clusters is not None:
            self.cluster.addItems(clusters.titles)
            selected = self.workspace.cluster_view.selected
            row = min(selected) - 1 if selected else max(former, 0)
            self.cluster.setCurrentIndex(min(row, len(clusters.names) - 1))
        self._show()

    def _show(self) -> None:
        known = self._known()
        number = self.cluster.currentIndex() + 1
        ranking = None if known is None else known[known["cluster"] == number]
        self.table.show_ranking(ranking)
        for control in (self.cluster, self.table, self.copy_button, self.save_button):
            control.setEnabled(known is not None)
        if self.workspace.clusters is None:
            self.note.setText("No clusters yet.")
        elif known is None:
            changed = self._ranking is not None
            self.note.setText(
                "The clusters have changed. Press Rank genes again."
                if changed
                else "Press Rank genes to find the marker genes."
            )
        elif ranking is None or ranking.empty:
            self.note.setText("This cluster has one spot; ranking needs at least two.")
        else:
            self.note.setText(f"{self.cluster.currentText()} against all other spots. {CAVEAT}")

    def _known(self) -> DataFrame | None:
        """The ranking if it belongs to the current clusters, whatever their names and colours."""
        clusters = self.workspace.clusters
        same = clusters and self._of and clusters.numbers is self._of.numbers
        return self._ranking if same else None

    def _take(self, clusters: Clusters, ranking: DataFrame) -> None:
        self._of, self._ranking = clusters, ranking

    def _copy(self) -> None:
        QApplication.clipboard().setText(self.table.as_text())

    def _ask(self) -> None:
        result = self.workspace.result
        assert result is not None  # otherwise the button is disabled
        name = f"{result.slide.name}-cluster-genes.csv"
        proposal = Path(beside(result.slide, self.workspace.export_folder)) / name
        path = ask_save(self, "Save marker genes", proposal, kind="CSV table", suffix=".csv")
        if path is not None:
            self.save(path)
