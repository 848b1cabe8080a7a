"""Several slides open at once: each keeps its spots, its result and its look."""

from __future__ import annotations

import gc
from weakref import ref

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDoubleSpinBox

from napari_stem._napari.canvas.attach import workspace_of
from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.state.comparison import Comparison
from napari_stem._napari.state.kept_result import Saved
from napari_stem._napari.state.result import Result
from napari_stem._napari.state.workspace import Workspace
from napari_stem.analysis.labels import Clusters
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.table import spot_table

from ..conftest import LEFT, PATIENCE, is_busy

GENES = ("B", "A", "C")


@pytest.fixture
def work(viewer) -> Workspace:
    return workspace_of(viewer)


@pytest.fixture
def other(sections) -> Section:
    return sections[1]


def result_of(section: Section, genes: tuple[str, ...] = GENES) -> Result:
    n = section.spots.n_obs
    values = np.arange(n * len(genes), dtype=np.float32).reshape(n, len(genes))
    whole = {"mean": values, "std": values / 10}
    return Result(section.slide, section.spots, genes, "log2(count + 1)", whole, 4)


def show(work: Workspace, section: Section, genes: tuple[str, ...] = GENES) -> Result:
    work.take_slide(section.slide)
    work.spots = section.spots
    work.take_result(result_of(section, genes))
    assert work.result is not None
    return work.result


def shown(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers if layer.visible]


def names(viewer) -> list[str]:
    return [layer.name for layer in viewer.layers]


def known(work: Workspace) -> tuple:
    return work.slide, work.spots, work.result, work.clusters, work.gene, work.statistic


def choose(dock: PredictDock, row: int) -> None:
    dock.slide.box.setCurrentIndex(row)
    dock.slide.box.activated.emit(row)


def test_a_slide_comes_back_with_all_that_was_known_of_it(viewer, work, section, other):
    first = show(work, section)
    numbers = np.ones(first.spots.n_obs, np.uint16)
    work.clusters = Clusters(numbers, ("1",), ("#0072B2",))
    work.gene, work.statistic = "C", "std"
    before = known(work)
    show(work, other, ("X", "Y"))
    assert work.gene == "X"
    second = known(work)
    work.show_slide(section.slide)
    assert known(work) == before
    work.show_slide(other.slide)
    assert known(work) == second


def test_layers_come_back_as_they_were_left(viewer, work, section, other):
    show(work, section)
    work.gene = "C"
    mine = viewer.layers["C mean"]
    mine.opacity = 0.3
    viewer.layers["Spots"].visible = True
    viewer.layers["Spots"].name = "my array"
    viewer.layers.move(viewer.layers.index(mine), 0)
    viewer.scene.camera.zoom, viewer.scene.camera.center = 3.5, (0, 100, 120)
    before = list(viewer.layers), shown(viewer), viewer.canvas.overlays.text.text
    show(work, other, ("X", "Y"))
    assert shown(viewer) == [other.slide.name, f"X mean · {other.slide.name}"]
    viewer.reset_view()
    work.show_slide(section.slide)
    now = [layer for layer in viewer.layers if layer in before[0]]
    names_now = [f"C mean · {section.slide.name}", *before[1][1:]]
    assert (now, shown(viewer)) == (before[0], names_now)
    assert viewer.canvas.overlays.text.text == before[2]
    assert mine.opacity == 0.3
    assert (viewer.scene.camera.zoom, viewer.scene.camera.center[1:]) == (3.5, (100, 120))


def test_listeners_never_see_things_of_two_slides(work, section, other):
    seen = []

    def look() -> None:
        if work.slide is not None and work.result is not None:
            seen.append(work.result.slide is work.slide and work.gene in work.result.genes)

    show(work, section)
    show(work, other, ("X", "Y"))
    for name in ("slide", "spots", "result", "clusters", "gene", "statistic"):
        work.events[name].connect(look)
    work.show_slide(section.slide)
    work.show_slide(other.slide)
    assert len(seen) >= 6
    assert all(seen)


def test_the_box_lists_open_slides_and_shows_the_chosen(dock, section, other, qtbot):
    work = dock.workspace
    show(work, section)
    show(work, other)
    names = [dock.slide.box.itemText(row) for row in range(dock.slide.box.count())]
    assert names == [section.slide.name, other.slide.name]
    assert dock.slide.box.currentText() == other.slide.name
    choose(dock, 0)
    assert work.slide is section.slide
    assert f"{section.spots.n_obs} spots" in dock.spots.note.text()
    assert dock.result.isEnabled()


def test_the_dock_is_no_wider_than_it_says(dock, section, other):
    show(dock.workspace, section)
    show(dock.workspace, other)
    scroll_bar = dock.verticalScrollBar().sizeHint().width()
    page = dock.widget().minimumSizeHint().width()
    assert page + scroll_bar <= dock.minimumWidth()


def test_selecting_a_layer_shows_its_slide(viewer, work, section, other):
    show(work, section)
    heatmap = viewer.layers["B mean"]
    show(work, other)
    viewer.layers.selection.active = heatmap
    assert work.slide is section.slide
    assert heatmap.visible
    viewer.layers.selection.active = viewer.layers[other.slide.name]
    assert work.slide is other.slide
    mine = viewer.add_image(np.zeros((9, 9)), scale=(1, 1), units=("um", "um"))
    viewer.layers.selection.active = mine
    assert work.slide is other.slide


def test_opening_an_open_slide_again_brings_it_back(work, section, other):
    first = show(work, section)
    show(work, other)
    copy = Slide.from_array(np.asarray(section.slide.levels[0]), name="again")
    work.take_slide(copy)
    assert work.result is first
    assert work.slide is section.slide
    assert len(work.slides) == 2
    work.take_slide(copy.with_mpp(0.7))  # a typed scale, and what was predicted at it, stay
    assert (work.slide.mpp, work.result) == (0.5, first)
    work.rescale(copy.with_mpp(0.7))
    assert work.result is None
    assert work.spots is section.spots
    assert [slide.mpp for slide in work.slides] == [0.7, other.slide.mpp]
    work.show_slide(section.slide)  # of which a caller knows the former scale
    assert work.slide.mpp == 0.7


def test_the_note_of_a_result_counts_in_words(dock, section):
    show(dock.workspace, section, ("X",))
    n = section.spots.n_obs
    assert dock.result.note.text() == f"1 gene in {n} spots, 4 draws so far"


def test_a_layer_of_an_open_slide_shows_that_slide_again(dock, section, other):
    work, menu = dock.workspace, dock.slide.layer_button.menu()
    show(work, section)
    show(work, other)
    work.compare(Comparison("genes", ("A", "B")))  # with a picture of the slide under each
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()] == [section.slide.name, other.slide.name]
    menu.actions()[0].trigger()
    assert work.slide is section.slide
    assert work.slides == (section.slide, other.slide)
    assert dock.slide.isEnabled()  # nothing is read


def test_a_scale_that_loses_the_prediction_is_asked_about(dock, section, qtbot, answers):
    work, panel = dock.workspace, dock.slide
    result = show(work, section)
    work.take_clusters(Clusters.of_numbers(np.ones(result.spots.n_obs, np.uint16)))

    def type_scale(text: str) -> None:
        panel.mpp.selectAll()
        qtbot.keyClicks(panel.mpp, text)
        qtbot.keyClick(panel.mpp, Qt.Key.Key_Return)

    answers.press("Cancel")
    type_scale("0.25")
    answers.press("Cancel")
    panel.scale_by_pitch(200)
    type_scale("0")
    assert len(answers.asked) == 2
    assert (work.result, work.slide.mpp, panel.mpp.value()) == (result, 0.5, 0.5)
    assert panel.mpp.buttonSymbols() == QDoubleSpinBox.ButtonSymbols.NoButtons
    answers.press("Discard")
    type_scale("0.25")
    type_scale("0.5")
    assert len(answers.asked) == 3
    assert (work.result, work.slide.mpp) == (None, 0.5)


def test_a_picture_that_loses_the_prediction_is_asked_about(dock, tmp_path, qtbot, answers):
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for side in (96, 64):
            pixels = np.full((side, side, 3), 200, np.uint8)
            tiff.write(pixels, photometric="rgb", metadata={"axes": "YXS"})
    slide = open_slide(path, mpp=0.5)
    spots = spot_table(np.array([[20.0, 20], [60, 60]]), diameter_px=20)
    work, box = dock.workspace, dock.slide.picture_box
    result = show(work, Section("two", slide, spots))

    def choose(row: int) -> None:
        box.setCurrentIndex(row)
        box.activated.emit(row)

    choose(0)  # the one that is shown
    answers.press("Cancel")
    choose(1)
    assert len(answers.asked) == 1
    assert (work.result, box.currentIndex()) == (result, 0)
    answers.press("Discard")
    choose(1)
    qtbot.waitUntil(lambda: work.slide is not slide, timeout=PATIENCE)
    assert (work.slide.width, work.result, len(work.slides)) == (64, None, 1)
    qtbot.waitUntil(dock.slide.isEnabled, timeout=PATIENCE)
    slide.close()
    work.slide.close()


def test_slides_of_one_name_are_told_apart_by_their_folders(dock, viewer, tmp_path):
    slides = []
    for colour, name in enumerate(("A1", "B1")):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "scan.tif"
        tifffile.imwrite(path, np.full((64, 64, 3), 200 + colour, np.uint8), photometric="rgb")
        slides.append(open_slide(path))
    dock.workspace.take_slide(slides[0])
    assert [layer.name for layer in viewer.layers] == ["scan"]
    dock.workspace.take_slide(slides[1])
    assert [layer.name for layer in viewer.layers] == ["A1/scan", "B1/scan"]
    assert [dock.slide.box.itemText(row) for row in range(2)] == ["A1/scan", "B1/scan"]
    viewer.layers["A1/scan"].name = "mine"
    dock.workspace.close_slide(slides[1])
    assert [layer.name for layer in viewer.layers] == ["mine"]
    for slide in slides:
        slide.close()


def test_layers_name_their_slide_while_several_are_open(viewer, work, section, other):
    first = show(work, section)
    numbers = np.ones(first.spots.n_obs, np.uint16)
    work.take_clusters(Clusters(numbers, ("1",), ("#0072B2",)))
    alone = names(viewer)
    assert alone == [section.slide.name, "Spots", "B mean", "Clusters"]
    show(work, other)
    work.gene = "C"
    one, two = section.slide.name, other.slide.name
    expected = [alone[0], *(f"{name} · {one}" for name in alone[1:])]
    assert sorted(names(viewer)) == sorted([*expected, two, f"Spots · {two}", f"C mean · {two}"])
    work.close_slide(other.slide)
    assert names(viewer) == alone


def test_the_close_button_forgets_a_slide_and_shows_another(
    dock, viewer, section, other, qtbot, answers
):
    work = dock.workspace
    show(work, section)
    second = show(work, other)
    choose(dock, 0)
    answers.press("Cancel")
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    assert len(work.slides) == 2
    assert answers.asked == ["This discards 1 result that was not exported: 'Prediction'."]
    answers.press("Discard", "Discard")
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    assert work.slides == (other.slide,)
    assert work.result is second
    assert shown(viewer) == [other.slide.name, "B mean"]
    assert len(viewer.layers) == 3
    qtbot.mouseClick(dock.slide.close_button, LEFT)
    assert (work.slide, work.spots, work.result, work.slides) == (None, None, None, ())
    assert not list(viewer.layers)
    assert not dock.predict_button.isEnabled()
    show(work, section)
    assert shown(viewer) == [section.slide.name, "B mean"]


# Collection releases the file, not we: a copied layer may still read it.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_nothing_holds_a_closed_slide(dock, section, qtbot, tmp_path):
    path = tmp_path / "closed.tif"
    tifffile.imwrite(path, section.slide.thumbnail()[0], tile=(128, 128), photometric="rgb")
    dock.slide.open(path)
    qtbot.waitUntil(lambda: dock.workspace.slide is not None, timeout=PATIENCE)
    dock.workspace.spots = spot_table([[40.0, 40.0], [80.0, 40.0]], diameter_px=20)
    slide = ref(dock.workspace.slide)
    qtbot.mouseClick(dock.slide.close_button, LEFT)

    def is_gone() -> bool:
        gc.collect()
        return slide() is None

    qtbot.waitUntil(is_gone, timeout=PATIENCE)


@pytest.mark.parametrize("row", [0, 1])
def test_removing_the_picture_of_a_slide_closes_it_unless_that_loses_a_result(
    dock, viewer, section, other, qtbot, row, answers
):
    work = dock.workspace
    show(work, section)
    show(work, other)
    removed, stays = ((section, other), (other, section))[row]
    was_shown, before = work.slide, list(viewer.layers)
    viewer.layers.selection = {viewer.layers[removed.slide.name]}
    work.show_slide(was_shown)

    def remove() -> None:
        viewer.layers.selection = {viewer.layers[removed.slide.name]}
        viewer.layers.remove_selected()

    answers.press("Cancel")
    remove()
    qtbot.waitUntil(lambda: len(answers.asked) == 1)
    assert (list(viewer.layers), len(work.slides)) == (before, 2)
    answers.press("Discard")
    remove()
    qtbot.waitUntil(lambda: work.slides == (stays.slide,))
    assert work.slide is stays.slide
    assert removed.slide.name not in [layer.name for layer in viewer.layers]
    assert len(viewer.layers) == 3
    picture, heatmap = shown(viewer)
    assert picture == stays.slide.name
    assert heatmap.startswith("B mean")  # napari numbers names that come twice


def test_all_layers_may_be_removed_at_once(dock, viewer, section, other, qtbot, answers):
    show(dock.workspace, section)
    show(dock.workspace, other)
    answers.press("Discard", "Discard")
    viewer.layers.clear()
    qtbot.waitUntil(lambda: dock.workspace.slides == ())
    assert "No slide" in dock.slide.note.text()


def test_each_of_our_layers_may_be_removed_in_any_order(dock, viewer, section, other, qtbot):
    work = dock.workspace
    for reverse in (False, True):
        for each in (section, other):
            result = show(work, each)
            work.take_saved(Saved(result, None))
        for layer in list(viewer.layers)[:: -1 if reverse else 1]:
            if layer in viewer.layers:
                viewer.layers.selection = {layer}
                viewer.layers.remove_selected()
                qtbot.wait(1)
                work.gene = "A" if work.gene == "B" else "B"
        viewer.layers.clear()
        qtbot.waitUntil(lambda: work.slides == ())


def test_removing_a_layer_shows_no_other_slide(viewer, work, section, other, qtbot):
    show(work, section)
    show(work, other)
    viewer.layers.selection = {viewer.layers[3]}  # above it lies the first slide's heatmap
    assert work.slide is other.slide
    viewer.layers.remove_selected()
    assert work.slide is other.slide


def test_a_prediction_that_ends_while_another_slide_is_shown_is_kept_for_its_own(
    ready, viewer, qtbot, other, messages
):
    work = ready.workspace
    slide, spots = work.slide, work.spots
    ready.settings.draws.setValue(30)
    qtbot.mouseClick(ready.predict_button, LEFT)
    second = show(work, other, ("X", "Y"))
    before = shown(viewer), viewer.canvas.overlays.text.text, len(viewer.layers)
    assert ready.predict_button.text().startswith("Stop")
    assert ready.spots.isEnabled()  # the other slide's can be prepared
    qtbot.waitUntil(lambda: ready.predict_button.text() == "Predict", timeout=PATIENCE)
    assert work.result is second
    assert (shown(viewer), viewer.canvas.overlays.text.text, len(viewer.layers)) == before
    work.show_slide(slide)
    assert work.spots is spots
    assert work.result.n_draws == 30
    assert work.result.prediction is not None
    assert shown(viewer) == [slide.name, f"{work.gene} mean · {slide.name}"]
    assert not messages


def test_stop_of_a_hidden_slides_prediction_keeps_its_draws(ready, viewer, qtbot, other):
    work, slide = ready.workspace, ready.workspace.slide
    ready.settings.draws.setValue(1000)
    qtbot.mouseClick(ready.predict_button, LEFT)
    qtbot.waitUntil(lambda: work.result is not None, timeout=PATIENCE)
    assert not ready.slide.mpp.isEnabled()
    show(work, other, ("X", "Y"))
    assert ready.slide.mpp.isEnabled()
    qtbot.waitUntil(lambda: ready.predict_button.text().startswith("Stop ("), timeout=PATIENCE)
    qtbot.mouseClick(ready.predict_button, LEFT)
    qtbot.waitUntil(lambda: ready.predict_button.text() == "Predict", timeout=PATIENCE)
    assert work.slide is other.slide
    work.show_slide(slide)
    assert work.result.prediction is not None
    assert "Continue" in ready.predict_button.text()


def test_closing_a_slide_stops_its_prediction(ready, viewer, qtbot, messages, answers):
    ready.settings.draws.setValue(1000)
    qtbot.mouseClick(ready.predict_button, LEFT)
    qtbot.waitUntil(lambda: ready.workspace.result is not None, timeout=PATIENCE)
    answers.press("Discard")
    qtbot.mouseClick(ready.slide.close_button, LEFT)
    assert ready.workspace.slide is None
    qtbot.waitUntil(lambda: not is_busy(viewer), timeout=PATIENCE)
    assert not list(viewer.layers)
    assert not ready.predict_button.isEnabled()
    assert not messages


def test_a_grid_that_is_ready_late_is_its_own_slides(dock, qtbot, section, other):
    work = dock.workspace
    work.take_slide(section.slide)
    qtbot.mouseClick(dock.spots.grid_button, Qt.MouseButton.LeftButton)
    work.take_slide(other.slide)
    qtbot.waitUntil(lambda: work.session_of(section.slide).spots is not None, timeout=PATIENCE)
    assert work.spots is None
    work.show_slide(section.slide)
    assert work.spots is not None


def test_a_small_slide_fills_the_canvas_beside_a_large_one(viewer, work):
    pixels = np.full((2000, 2000, 3), 200, np.uint8)
    work.take_slide(Slide.from_array(pixels[:200, :200], mpp=0.5, name="small"))
    alone = viewer.scene.camera.zoom
    work.take_slide(Slide.from_array(pixels, mpp=0.5, name="large"))
    work.take_slide(Slide.from_array(pixels[:200, :200] + 1, mpp=0.5, name="small too"))
    assert viewer.scene.camera.zoom == pytest.approx(alone)
    assert viewer.scene.camera.center[1:] == pytest.approx((49.75, 49.75))
