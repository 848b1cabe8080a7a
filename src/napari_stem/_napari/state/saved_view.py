"""How a prediction was looked at, kept with it so that it opens as it was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.workspace import Workspace

_ABOUT = "napari_stem"


@dataclass(frozen=True, slots=True)
class View:
    """The gene and the statistic that a workspace shows."""

    gene: str = ""
    statistic: str = "mean"

    @classmethod
    def of(cls, workspace: Workspace) -> View:
        """What a workspace shows now."""
        return cls(workspace.gene, workspace.statistic)

    @classmethod
    def in_prediction(cls, prediction: AnnData) -> View:
        """What was kept; the default where nothing was."""
        kept = json.loads(prediction.uns[_ABOUT].get("view", "{}"))
        return cls(**{part.name: kept[part.name] for part in fields(cls) if part.name in kept})

    def keep_in(self, prediction: AnnData) -> None:
        """Write the view into a prediction."""
        prediction.uns[_ABOUT]["view"] = json.dumps(asdict(self))
