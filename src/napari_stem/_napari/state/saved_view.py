"""The view of a prediction (gene, statistic, hidden clusters), saved in its file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.analysis.labels import Clusters

_ABOUT = "napari_stem"


@dataclass(frozen=True, slots=True)
class View:
    """The shown gene and statistic, and the names of hidden clusters."""

    gene: str = ""
    statistic: str = "mean"
    hidden: tuple[str, ...] = ()

    @classmethod
    def of(cls, shown: Workspace | KeptResult) -> View:
        """The current view of a workspace, or the one kept with a result."""
        names = shown.clusters.names if shown.clusters is not None else ()
        hidden = tuple(names[number - 1] for number in sorted(shown.cluster_view.hidden))
        return cls(shown.gene, shown.statistic, hidden)

    @classmethod
    def in_prediction(cls, prediction: AnnData) -> View:
        """The view saved in a prediction; the default if there is none, or it is unreadable."""
        kept = _table(prediction.uns[_ABOUT].get("view", "{}"))
        texts = {name: str(kept[name]) for name in ("gene", "statistic") if name in kept}
        hidden = kept.get("hidden", ())
        return cls(**texts, hidden=tuple(map(str, hidden if isinstance(hidden, list) else ())))

    def keep_in(self, prediction: AnnData) -> None:
        """Write the view into a prediction."""
        prediction.uns[_ABOUT]["view"] = json.dumps(asdict(self))

    def of_clusters(self, clusters: Clusters) -> ClusterView:
        """The view of these clusters, matched by name: an exported part has other numbers."""
        names = enumerate(clusters.names, start=1)
        return ClusterView(frozenset(number for number, name in names if name in self.hidden))


def _table(text: str) -> dict[str, Any]:
    try:
        found = parse_json(text)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
