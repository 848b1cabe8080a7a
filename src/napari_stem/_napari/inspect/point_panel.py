"""The chosen point: its position, its similarity to the training tissue, and its genes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_stem._napari.inspect import tasks
from napari_stem._napari.inspect.distributions import distributions
from napari_stem._napari.plots.violin_plot import ViolinPlot
from napari_stem._napari.results.marker_box import MarkerBox
from napari_stem._napari.shell.panel import Panel
from napari_stem.prediction.statistics import displayed_unit
from napari_stem.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.prediction.inspection import Inspection

_NOTHING = "Click on the slide to predict the expression there."
_TRUST = "Similar to the training tissue."
_NO_TRUST = "Differs from the training tissue; predictions here are unreliable."
_SIMILARITY_TIP = (
    "Similarity to each of the five nearest training patches, in features. About 50 % is typical "
    "of training tissue; 0 % is foreign tissue. It is the share of training spots whose own "
    "nearest training spot is farther away."
)


class PointPanel(Panel):
    """Predicted genes at a point, with the distributions of their draws."""

    heading = "Point"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._set: Sequence[str] | None = None
        self.inspection: Inspection | None = None
        self._build()
        self._connect()
        self.refresh()

    def _build(self) -> None:
        self.trust = QLabel()
        self.trust.setWordWrap(True)
        self.similarity = QLabel()
        self.similarity.setWordWrap(True)
        self.similarity.setToolTip(_SIMILARITY_TIP)
        self.markers = MarkerBox(
            self.workspace, self.shown_genes, everything="Shown gene and markers"
        )
        self.plot = ViolinPlot("Click to show the heatmap of this gene.")
        for part in (self.note, self.trust, self.similarity, self.markers, self.plot):
            self.add_row(part)

    def _connect(self) -> None:
        self.markers.chosen.connect(self._choose_set)
        self.plot.chosen.connect(self._choose_gene)
        self.follow("gene")

    def show_point(self, inspection: Inspection | None) -> None:
        """Show a point; None shows a hint instead."""
        self.inspection = inspection
        self.refresh()

    def shown_genes(self) -> list[str]:
        """Genes of the chosen marker set that the checkpoint predicts."""
        if self.inspection is None:
            return []
        panel = self.inspection.genes
        if self._set is None:
            return tasks.markers_in(panel, self.workspace.gene)
        return [gene for gene in self._set if gene in panel]

    def refresh(self) -> None:
        point = self.inspection
        for part in (self.trust, self.similarity, self.markers, self.plot):
            part.setVisible(point is not None)
        if point is None:
            self.note.setText(_NOTHING)
            return
        self.note.setText(_where(point))
        foreign = point.ood > 1
        self.trust.setText(f"⚠ {_NO_TRUST}" if foreign else f"✓ {_TRUST}")
        self.trust.setStyleSheet("font-weight: bold; color: #d55e00" if foreign else "")
        alike = ", ".join(f"{100 * share:.0f}" for share in point.similarity)
        self.similarity.setText(f"Similarity to training: {alike}\N{NO-BREAK SPACE}%")
        genes = self.shown_genes()
        if not genes:
            self.note.setText(f"{_where(point)}\nThe checkpoint predicts no gene of this set.")
        rows, ends = distributions(point, genes)
        unit = displayed_unit(point.unit, point.draws)
        self.plot.show_rows(rows, ends, unit)
        self.plot.mark(self.workspace.gene)

    def _choose_set(self, genes: Sequence[str] | None) -> None:
        self._set = genes
        self.refresh()

    def _choose_gene(self, gene: str) -> None:
        result = self.workspace.result
        if result is None or gene in result.genes:
            self.workspace.look_at(gene)


def _where(point: Inspection) -> str:
    """Position, number of draws so far, and the nearest measured spot."""
    unit, mpp = ("µm", point.mpp) if point.mpp else ("px", 1.0)
    x, y = (value * mpp for value in point.xy)
    n, wanted = len(point.draws), point.n_draws
    draws = counted(n, "draw") if n == wanted else f"{n:,} of {counted(wanted, 'draw')}"
    lines = [f"x {x:,.0f} {unit}, y {y:,.0f} {unit}, {draws}"]
    if measured := point.measured:
        far = f"{measured.distance_px * mpp:.0f} {unit}"
        lines.append(f"◆ measured at {measured.spot}, {far} away")
    return "\n".join(lines)
