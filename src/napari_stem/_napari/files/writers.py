"""The writer for File > Save Selected Layers: saves the prediction that the layers show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari import current_viewer
from napari.utils.notifications import show_warning

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.shell.exporting import ExportRequest
from napari_stem._napari.shell.remembered import with_slide_path
from napari_stem._napari.state.saved_view import View
from napari_stem._napari.state.workspace import Workspace
from napari_stem.events import finish

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.types import FullLayerData

    from napari_stem._napari.state.result import Result

_NOT_RESULTS = ("slide", "spots")


def write_prediction(path: str, layers: list[FullLayerData]) -> list[str]:
    """Write the prediction that the layers show; an OME-TIFF contains only the shown gene.

    Returns
    -------
    The path; nothing if the layers show no prediction of the workspace.
    """
    viewer = current_viewer()
    workspace = workspace_of(viewer) if viewer is not None else Workspace()
    result = workspace.result
    if result is None or result.prediction is None or not _shows(result, layers):
        show_warning(
            "Nothing was written: these layers show no complete Stem prediction. Predict first, or "
            "save the layers as images."
        )
        return []
    request = ExportRequest(
        prediction=result.prediction,
        path=Path(path),
        view=View.of(workspace),
        genes=[workspace.gene] if path.lower().endswith(".ome.tif") else (),
        with_slide_path=with_slide_path(),
        points=workspace.points_of(result.slide),
    )
    written = finish(request.events())
    if request.is_whole:
        workspace.take_saved(result, workspace.clusters)
    return [str(written)]


def _shows(result: Result, layers: Iterable[FullLayerData]) -> bool:
    """Whether a layer is a heatmap or the clusters of a result."""
    tags = [attributes.get("metadata", {}).get("napari_stem") for _, attributes, _ in layers]
    return any(
        tag and tag["slide"] == result.slide.fingerprint and tag["role"] not in _NOT_RESULTS
        for tag in tags
    )
