"""How a prediction was looked at, kept with it so that it opens as it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.result import Clusters
    from napari_stem._napari.workspace import Workspace

_ABOUT, _COLOURS = "napari_stem", "leiden_colors"  # the latter is scanpy's name


@dataclass(frozen=True, slots=True)
class View:
    """The gene, the statistic and the colours of clusters that a workspace shows."""

    gene: str = ""
    statistic: str = "mean"
    colours: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, workspace: Workspace) -> View:
        """What a workspace shows now."""
        clusters = workspace.clusters
        colours = dict(zip(clusters.names, clusters.colours, strict=True)) if clusters else {}
        return cls(workspace.gene, workspace.statistic, colours)

    @classmethod
    def in_prediction(cls, prediction: AnnData) -> View:
        """What was kept; the default where nothing was."""
        kept = prediction.uns[_ABOUT].get("view")
        return cls(**json.loads(kept)) if kept else cls()

    def colours_of(self, clusters: Clusters) -> tuple[str, ...]:
        """A colour a cluster: the one that was kept, or else its own."""
        own = dict(zip(clusters.names, clusters.colours, strict=True))
        return tuple((own | self.colours)[name] for name in clusters.names)

    def keep_in(self, prediction: AnnData) -> None:
        """Write the view into a prediction; colours go where scanpy and QuPath look too."""
        prediction.uns[_ABOUT]["view"] = json.dumps(asdict(self))
        if "leiden" in prediction.obs and self.colours:
            names = prediction.obs["leiden"].cat.categories
            prediction.uns[_COLOURS] = [self.colours[name] for name in names]
