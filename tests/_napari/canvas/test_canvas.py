from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from anndata import AnnData
from napari.utils._proxies import PublicOnlyProxy

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.canvas.drawn_region import draw_region, end_drawing
from napari_stem._napari.state.request import PredictRequest
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.spots.table import positions, spot_table

from ..conftest import CHECKPOINT

GENES = ("B", "A", "C")


@pytest.fixture
def workspace(viewer) -> Workspace:
    return workspace_of(viewer)


def make_result(section: Section, **options) -> Result:
    n = section.spots.n_obs
    values = np.arange(3 * n, dtype=np.float32).reshape(n, 3)
    whole = {"mean": values, "std": values / 10}
    return Result(section.slide, section.spots, GENES, "log2(count + 1)", whole, 4, **options)


def show(workspace: Workspace, section: Section) -> Result:
    workspace.take_slide(section.slide)
    workspace.spots = section.spots
    result = make_result(section)
    workspace.take_result(result)
    return result


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def shown(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def test_a_viewer_has_one_workspace_and_its_proxy_the_same(viewer):
    assert workspace_of(PublicOnlyProxy(viewer)) is workspace_of(viewer)


def test_layers_lie_in_the_order_of_the_work_and_only_the_last_covers_the_slide(
    viewer, workspace, section
):
    result = show(workspace, section)
    numbers = np.ones(result.spots.n_obs, np.uint16)
    workspace.clusters = Clusters.of_numbers(numbers)
    workspace.gene = "C"
    assert names(viewer) == [section.slide.name, "Spots", "C mean", "Clusters"]
    assert shown(viewer) == [section.slide.name, "C mean"]


def test_a_gene_replaces_the_data_and_no_layer(viewer, workspace, section):
    result = show(workspace, section)
    layer, n = viewer.layers["B mean"], len(viewer.layers)
    for column, gene in enumerate(GENES):
        workspace.gene = gene
        assert len(viewer.layers) == n
        assert viewer.layers[f"{gene} mean"] == layer
        found = np.unique(layer.data[~np.isnan(layer.data)])
        np.testing.assert_array_equal(found, result.values["mean"][:, column])


def test_a_statistic_has_its_own_layer(viewer, workspace, section):
    show(workspace, section)
    workspace.statistic = "std"
    assert shown(viewer) == [section.slide.name, "B SD"]
    workspace.statistic = "mean"
    assert shown(viewer) == [section.slide.name, "B mean"]
    assert len(viewer.layers) == 4


def test_the_heatmap_names_gene_unit_and_draws_beside_its_colour_bar(viewer, workspace, section):
    show(workspace, section)
    text = viewer.canvas.overlays.text
    assert text.visible
    slide = section.slide.name
    assert text.text == f"B: mean of 4 draws\nlog2(count + 1)\n{slide}"
    assert viewer.layers["B mean"].colorbar.visible
    assert viewer.canvas.overlays.scale_bar.visible


def test_each_spot_has_its_own_value_in_the_world(viewer, workspace, section):
    result = show(workspace, section)
    layer, mpp = viewer.layers["B mean"], section.slide.mpp
    assert mpp
    for (x, y), value in zip(positions(section.spots), result.of("B", "mean"), strict=True):
        assert layer.get_value(((y - 0.5) * mpp, (x - 0.5) * mpp), world=True) == value


def told_at(viewer, section: Section, spot: int) -> tuple[str, float]:
    """What the status bar says where the mouse is over a spot."""
    x, y = positions(section.spots)[spot]
    viewer.mouse_over_canvas = True
    viewer.cursor.position = ((y - 0.5) * section.slide.mpp, (x - 0.5) * section.slide.mpp)
    viewer.update_status_from_cursor()
    return viewer.status["layer_name"], float(viewer.status["value"])


def test_the_status_bar_tells_the_heatmap_while_a_region_is_drawn_and_selected(
    viewer, workspace, section
):
    result = show(workspace, section)
    draw_region(viewer, section.slide, "add_rectangle")
    workspace.gene = "C"
    assert viewer.layers.selection.active.name == "Region"  # which is being drawn
    assert told_at(viewer, section, 5) == ("C mean", result.of("C", "mean")[5])
    viewer.layers["Region"].add(np.array([[10, 10], [90, 90]]), shape_type="rectangle")
    viewer.layers["Region"].mode = "select"
    assert told_at(viewer, section, 5) == ("C mean", result.of("C", "mean")[5])
    end_drawing(viewer, section.slide)
    workspace.gene = "A"
    assert told_at(viewer, section, 5) == ("A mean", result.of("A", "mean")[5])
    assert viewer.layers["Region"].nshapes == 1


def test_removed_layers_come_back_when_they_have_something_new_to_show(viewer, workspace, section):
    show(workspace, section)
    viewer.layers.clear()
    workspace.gene = "A"
    assert names(viewer) == ["A mean"]
    workspace.take_result(make_result(section))
    assert names(viewer) == [section.slide.name, "A mean"]
    workspace.spots = section.spots.copy()
    assert names(viewer) == [section.slide.name, "Spots", "A mean"]


def test_another_scale_moves_all_and_forgets_the_prediction(viewer, workspace, section):
    show(workspace, section)
    workspace.rescale(section.slide.with_mpp(0.25))
    assert workspace.result is None
    assert names(viewer) == [section.slide.name, "Spots"]
    assert viewer.canvas.overlays.text.text == f"{section.slide.name}\n{section.spots.n_obs} spots"
    x, y = positions(section.spots)[0]
    assert viewer.layers["Spots"].get_value(((y - 0.5) / 4, (x - 0.5) / 4), world=True) == 1


def test_another_slide_hides_the_layers_of_the_first_and_keeps_them(viewer, workspace, section):
    show(workspace, section)
    other = Slide.from_array(np.full((300, 300, 3), 200, np.uint8), mpp=1.0, name="other")
    workspace.take_slide(other)
    assert workspace.spots is None
    assert shown(viewer) == ["other"]
    assert f"B mean · {section.slide.name}" in names(viewer)


def test_one_spot_alone_can_be_shown(viewer, workspace, section):
    workspace.take_slide(section.slide)
    workspace.spots = spot_table([[600.0, 600.0]], diameter_px=110)
    assert shown(viewer) == [section.slide.name, "Spots"]


def test_a_result_with_other_genes_shows_its_first(viewer, workspace, section):
    result = show(workspace, section)
    workspace.gene = "C"
    genes = ("X", "Y")
    values = {"mean": result.values["mean"][:, :2]}
    workspace.take_result(Result(result.slide, result.spots, genes, result.unit, values, 1))
    assert workspace.gene == "X"
    assert viewer.canvas.overlays.text.text.startswith("X: mean of 1 draw\n")


def draws_of(section: Section, n: int, **options) -> Result:
    """What has arrived after some draws; before the last, the mean alone."""
    whole = replace(make_result(section, **options), n_draws=n)
    mean = whole.values["mean"] + n
    values = {"mean": mean} if whole.prediction is None else {**whole.values, "mean": mean}
    return replace(whole, values=values)


@pytest.fixture
def request_(section) -> PredictRequest:
    return PredictRequest(section.slide, section.spots, checkpoint=CHECKPOINT)


def test_more_draws_leave_alone_what_is_looked_at(viewer, workspace, section, request_):
    workspace.take_slide(section.slide)
    workspace.spots = section.spots
    workspace.take_result(draws_of(section, 1, request=request_))
    layer, title = viewer.layers["B mean"], viewer.canvas.overlays.text
    assert shown(viewer) == [section.slide.name, "B mean"]

    layer.visible = False
    workspace.take_result(draws_of(section, 2, request=request_))
    assert shown(viewer) == [section.slide.name]
    assert np.nanmin(layer.data) == 2  # it is up to date when it is shown again

    numbers = np.ones(section.spots.n_obs, np.uint16)
    workspace.clusters = Clusters.of_numbers(numbers)
    workspace.take_result(draws_of(section, 3, request=request_))
    assert shown(viewer) == [section.slide.name, "Clusters"]
    assert title.text.startswith("1 cluster")

    workspace.gene = "C"
    workspace.take_result(draws_of(section, 4, request=request_))
    assert shown(viewer) == [section.slide.name, "C mean"]
    assert title.text.startswith("C: mean of 4 draws")

    layer.visible = False
    workspace.take_result(
        draws_of(section, 1, request=replace(request_, options=PredictOptions(seed=1)))
    )
    assert shown(viewer) == [section.slide.name, "C mean"]


def test_what_is_set_in_the_layer_controls_stays(viewer, workspace, section, request_):
    workspace.take_slide(section.slide)
    workspace.take_result(draws_of(section, 1, request=request_))
    picture, layer = viewer.layers[section.slide.name], viewer.layers["B mean"]
    scale_bar = viewer.canvas.overlays.scale_bar
    picture.visible = scale_bar.visible = False
    layer.opacity, layer.contrast_limits = 0.3, (1.25, 1.5)
    layer.colormap = "turbo"
    assert workspace.opacity == 0.3
    assert workspace.colormap == "turbo"
    workspace.take_result(draws_of(section, 2, request=request_, prediction=AnnData()))
    workspace.statistic = "std"
    assert viewer.layers["B SD"].opacity == layer.opacity == 0.3
    workspace.statistic = "mean"
    assert not picture.visible
    assert not scale_bar.visible
    workspace.take_result(draws_of(section, 3, request=request_))
    layer.contrast_limits = (1.25, 1.5)
    workspace.take_result(draws_of(section, 4, request=request_))
    assert tuple(layer.contrast_limits) == (1.25, 1.5)
    workspace.gene = "C"
    assert tuple(layer.contrast_limits) != (1.25, 1.5)
    workspace.take_slide(Slide.from_array(np.zeros((60, 60, 3), np.uint8), mpp=0.5, name="next"))
    assert not scale_bar.visible


def test_a_statistic_comes_back_with_the_whole_result(viewer, workspace, section, request_):
    workspace.take_slide(section.slide)
    workspace.take_result(draws_of(section, 2, request=request_, prediction=AnnData()))
    workspace.statistic = "std"
    workspace.take_result(draws_of(section, 3, request=request_))
    assert names(viewer) == [section.slide.name, "Spots", "B mean"]
    workspace.take_result(draws_of(section, 4, request=request_))
    workspace.take_result(draws_of(section, 5, request=request_, prediction=AnnData()))
    assert shown(viewer) == [section.slide.name, "B SD"]
    assert viewer.canvas.overlays.text.text.startswith("B: SD of 5 draws")
    workspace.statistic = "mean"
    workspace.take_result(draws_of(section, 6, request=request_, prediction=AnnData()))
    assert workspace.statistic == "mean"
