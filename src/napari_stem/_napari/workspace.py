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

    import numpy as np
    from anndata import AnnData
    from napari.viewer import Viewer
    from numpy.typing import NDArray

    from napari_stem.recipe import Recipe
    from napari_stem.slide import Slide

# Statistics over draws: key in a prediction, name for people.
STATISTICS = {"mean": "mean", "std": "SD", "q05": "5 % quantile", "q95": "95 % quantile"}


@dataclass(frozen=True, slots=True, eq=False)
class ChosenCheckpoint:
    """A checkpoint as people see it; its weights are read when it predicts."""

    path: Path
    recipe: Recipe
    unit: str
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What is known of a prediction, while it runs and afterwards.

    Attributes
    ----------
    values
        (n, c) arrays by statistic; the mean alone while draws still arrive.
    prediction
        The whole; None while draws still arrive, or where they were stopped.
    """

    slide: Slide
    spots: AnnData
    genes: tuple[str, ...]
    unit: str
    values: Mapping[str, NDArray[np.float32]]
    n_draws: int
    prediction: AnnData | None = None

    def of(self, gene: str, statistic: str) -> NDArray[np.float32]:
        """(n,) values of one gene."""
        return self.values[statistic][:, self.genes.index(gene)]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Clusters of a result's spots.

    Attributes
    ----------
    numbers
        (n,) uint8, 1 for the first name; 0 belongs to none.
    colours
        As "#rrggbb", one a name.
    """

    numbers: NDArray[np.uint8]
    names: tuple[str, ...]
    colours: tuple[str, ...]
    sizes: tuple[int, ...]


_workspaces: WeakKeyDictionary[Viewer, tuple[Workspace, Canvas]] = WeakKeyDictionary()


@dataclass(eq=False)
class Workspace:
    """The slide, its spots, the checkpoint, the result, and how it is looked at.

    `events` has one signal a field. Spots and result always belong to the slide, a gene and a
    statistic to the result.
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
        known = self.slide is not None and self.slide.fingerprint == slide.fingerprint
        self.result = self.clusters = None
        if not known:
            self.spots = None
        self.slide = slide

    def take_result(self, result: Result) -> None:
        """Show a result; the gene and the statistic stay where it has them."""
        self.clusters = None
        if self.gene not in result.genes:
            self.gene = result.genes[0]
        if self.statistic not in result.values:
            self.statistic = "mean"
        self.result = result
