"""Opens a prediction in a viewer, for the terminal, for notebooks and for opened files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import napari

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.drawn_region import draw_again
from napari_stem._napari.shell.docks import open_dock
from napari_stem._napari.state.cluster_view import ClusterView
from napari_stem._napari.state.kept_result import PREDICTION, KeptResult, Saved
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.saved_places import points_in, regions_in
from napari_stem._napari.state.saved_view import View
from napari_stem.analysis.groups import groups_of
from napari_stem.analysis.labels import Clusters

if TYPE_CHECKING:
    from anndata import AnnData
    from napari.viewer import Viewer

    from napari_stem.slides.slide import Slide


def show_prediction(slide: Slide, prediction: AnnData, *, name: str = "") -> None:
    """Open napari with a prediction over its slide and the Predict dock; return when it closes.

    `name` is that of the file that holds it; without one, closing asks whether to export it.
    """
    viewer = napari.Viewer(title="Stem")
    open_dock(viewer, "Predict")
    fill(viewer, slide, prediction, name=name)
    napari.run()


def fill(
    viewer: Viewer, slide: Slide, prediction: AnnData, *, gene: str | None = None, name: str = ""
) -> None:
    """Show a prediction in a viewer, with the gene, statistic and clusters of its saved view.

    `name` is that of the file that holds it. Other results of the slide stay beside it.
    """
    show_result(viewer, Result.of_prediction(slide, prediction), gene=gene, name=name)


def show_result(viewer: Viewer, result: Result, *, gene: str | None = None, name: str = "") -> None:
    """Show a complete result as `fill` shows a prediction; it may be made in a thread before."""
    workspace, prediction = workspace_of(viewer), result.prediction
    assert prediction is not None  # it is complete
    workspace.take_slide(result.slide)
    if workspace.slide is not None:
        result = replace(result, slide=workspace.slide)  # the same slide, if it was open already
    view = View.in_prediction(prediction)
    view = replace(view, gene=gene or view.gene or workspace.gene)
    workspace.add_result(kept_result(name or PREDICTION, result, view, is_saved=bool(name)))
    workspace.restore_points(points_in(prediction, result.slide))
    regions = regions_in(prediction, result.slide)
    draw_again(viewer, result.slide, regions)
    workspace.take_saved_places(regions=regions)


def kept_result(name: str, result: Result, view: View, *, is_saved: bool) -> KeptResult:
    """A complete result as it was kept, with the clusters of its prediction."""
    prediction = result.prediction
    assert prediction is not None  # it is complete
    clusters = Clusters.of_prediction(prediction) if "leiden" in prediction.obs else None
    groups = groups_of(prediction)
    return KeptResult(
        name,
        result,
        cluster_view=ClusterView() if clusters is None else view.of_clusters(clusters),
        clusters=clusters,
        groups=groups,
        gene=view.gene if view.gene in result.genes else result.genes[0],
        statistic=view.statistic if view.statistic in result.values else "mean",
        saved=Saved(result, clusters, groups) if is_saved else None,
    )
