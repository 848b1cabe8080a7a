"""What the docks of one viewer share. They change it and listen to it, never to each other."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from psygnal import SignalGroupDescriptor

from napari_stem._napari.canvas import Canvas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from anndata import AnnData
    from napari.viewer import Viewer

    from napari_stem._napari.result import Result
    from napari_stem.clusters import Clusters
    from napari_stem.recipe import Recipe
    from napari_stem.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCheckpoint:
    """A checkpoint as people see it; its weights are read when it predicts."""

    path: Path
    recipe: Recipe
    unit: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Workspace:
    """The slide, its spots, the checkpoint, the result, and how it is looked at.

    `events` has one signal a field. The gene and the statistic are always the result's.
    """

    slide: Slide | None = None
    spots: AnnData | None = None
    checkpoint: ChosenCheckpoint | None = None
    result: Result | None = None
    clusters: Clusters | None = None
    gene: str = ""
    statistic: str = "mean"
    colormap: str = "viridis"
    opacity: float = 0.8
    shared_contrast: bool = False
    compared: tuple[tuple[str, str], ...] = ()  # genes and statistics, side by side
    installed: Path | None = None  # the checkpoint that training installed last

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()
    # Tables and arrays have no truth value when compared.
    __eq_operators__: ClassVar = dict.fromkeys(
        ("slide", "spots", "checkpoint", "result", "clusters"), operator.is_
    )

    @classmethod
    def of(cls, viewer: Viewer) -> Workspace:
        """The workspace of a viewer; it lives as long as the viewer and draws on its canvas."""
        viewer = getattr(viewer, "__wrapped__", viewer)  # napari hands docks a proxy
        if viewer not in _workspaces:
            workspace = cls()
            _workspaces[viewer] = workspace, Canvas(viewer, workspace)
        return _workspaces[viewer][0]

    def take_slide(self, slide: Slide) -> None:
        """Work on another slide, or on the same one at another scale."""
        if self.slide is not None and self.slide.fingerprint == slide.fingerprint:
            self.result = self.clusters = None  # a prediction holds for one scale
            self.slide = slide
        else:
            self.spots = None
            self.slide = slide
            self.result = self.clusters = None

    def take_result(self, result: Result) -> None:
        """Show a new result; the gene and the statistic stay where it has them."""
        self.clusters = None
        self.show(result, self.statistic if self.statistic in result.values else "mean")

    def take_clusters(self, clusters: Clusters) -> None:
        """Show clusters of the finished result, which carries them into its exports."""
        assert self.result is not None
        assert self.result.prediction is not None
        clusters.keep_in(self.result.prediction)
        self.clusters = clusters

    def show(self, result: Result, statistic: str) -> None:
        """Show a statistic of a result that has it."""
        if any(g not in result.genes or s not in result.values for g, s in self.compared):
            self.compared = ()
        if self.gene not in result.genes or self.statistic not in result.values:
            self.result = None  # nobody may look for these in the former result
            self.gene = self.gene if self.gene in result.genes else result.genes[0]
        if statistic not in getattr(self.result, "values", ()):
            self.result, self.statistic = None, statistic
        self.result = result
        self.statistic = statistic


_workspaces: WeakKeyDictionary[Viewer, tuple[Workspace, Canvas]] = WeakKeyDictionary()
