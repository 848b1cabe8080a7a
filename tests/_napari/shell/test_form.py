"""A form shows every option of a dataclass in people's words, and gives its values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QFormLayout, QLabel, QWidget

from napari_stem._napari.clusters.leiden_panel import LeidenPanel
from napari_stem._napari.predict.settings_panel import SettingsPanel
from napari_stem._napari.shell.form import Form
from napari_stem._napari.shell.page import WIDTH, Page
from napari_stem._napari.state.workspace import Workspace
from napari_stem._napari.train.options import TrainingOptions
from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.features.compute import Compute
from napari_stem.model.fit_config import FIT_OPTIONS
from napari_stem.options import check_options, option, options_of
from napari_stem.prediction.options import PredictOptions
from napari_stem.training.plan import TrainPlan


@dataclass(frozen=True)
class Baking:
    """Options of each kind."""

    loaves: int = option(2, "Loaves", "How many.", minimum=1, maximum=2**32 - 1)
    heat: float = option(0.5, "Heat", "Of the oven.", unit="kW", minimum=0.05, maximum=3, step=0.1)
    flour: str = option("rye", "Flour", "Sort.", choices={"rye": "dark rye", "oat": "oats"})
    salt: float | None = option(
        None, "Salt", "By taste.", kind=float, unit="g", minimum=0.001, maximum=9, unset="by taste"
    )
    oven: str = option("auto", "Oven", "Which.", examples=("auto", "left"), advanced=True)
    fan: bool = option(False, "Fan", "Whether it blows.", advanced=True)
    name: str = option("", "Name", "Of the loaf.", advanced=True)

    def __post_init__(self) -> None:
        check_options(self)


@pytest.fixture
def form(qtbot) -> Iterator[Form]:
    """A form that lies in a page."""
    form = Form.of(Baking())
    content = QWidget()
    rows = QFormLayout(content)
    for label, control in form.rows():
        rows.addRow(label, control)
    rows.addRow(form.folded())
    page = Page()
    page.fill(content)
    qtbot.addWidget(page)
    with qtbot.waitExposed(page):
        page.show()
    yield form
    page.close()


def test_a_form_gives_the_dataclass_that_it_was_made_of(form):
    assert form.value(Baking) == Baking()
    other = Baking(2**32 - 1, 0.05, "oat", 0.001, "left", True, "Toast")
    form.set(**{name: getattr(other, name) for name in options_of(Baking)})
    assert form.value(Baking) == other
    assert type(form.values()["loaves"]) is int


def test_a_new_line_in_a_dataclass_is_a_control_with_label_tooltip_and_range(form):
    labels = dict(form.rows() + form.rows(advanced=True))
    assert list(labels) == [about.label for about in options_of(Baking).values()]
    heat = labels["Heat"]
    assert heat.toolTip() == "Of the oven. Default: 0.5 kW."
    assert (heat.minimum(), heat.maximum(), heat.singleStep()) == (0.05, 3, 0.1)
    assert heat.text() == "0.50 kW"
    assert [labels["Flour"].itemText(i) for i in range(2)] == ["dark rye", "oats"]
    assert labels["Flour"].toolTip() == "Sort. Default: dark rye."


def test_below_its_smallest_value_a_number_is_unset(form):
    salt = form["salt"]
    assert salt.text() == "by taste"
    salt.stepUp()
    assert form.values()["salt"] == 1
    salt.stepDown()
    assert (salt.text(), form.values()["salt"]) == ("by taste", None)


def test_a_choice_can_be_unset(qtbot):
    form = Form({"keep": FIT_OPTIONS["decay"]})
    box = form["keep"]
    qtbot.addWidget(box)
    assert (box.currentText(), form.values()) == ("the preset's", {"keep": None})
    form.set(keep="cosine")
    assert form.values() == {"keep": "cosine"}
    form.set(keep=None)
    assert box.currentText() == "the preset's"


def test_a_value_beside_the_examples_is_offered_too(form):
    form.set(oven="cuda:1")
    assert (form["oven"].currentText(), form.values()["oven"]) == ("cuda:1", "cuda:1")
    form.set(oven="left")
    assert form.values()["oven"] == "left"


def test_a_remembered_value_beside_the_examples_stays_when_the_form_is_laid_out(qtbot):
    form = Form.of(Baking(oven="cuda:1"))
    folded = form.folded()
    qtbot.addWidget(folded)
    folded.expand()
    assert form.value(Baking) == Baking(oven="cuda:1")


@pytest.mark.parametrize("name", ["loaves", "flour", "salt", "oven", "fan", "name"])
def test_a_change_is_told(form, qtbot, name):
    values = {"loaves": 5, "flour": "oat", "salt": 3.0, "oven": "left", "fan": True, "name": "x"}
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.set(**{name: values[name]})


def test_a_choice_stays_when_others_are_offered_unless_it_is_gone(form, qtbot):
    form.set(flour="oat")
    with qtbot.assertNotEmitted(form.changed):
        form.offer("flour", {"oat": "new oats", "corn": "corn"})
    assert (form["flour"].currentText(), form.values()["flour"]) == ("new oats", "oat")
    with qtbot.waitSignal(form.changed, timeout=1000):
        form.offer("flour", {"corn": "corn", "rice": "rice"})
    assert form.values()["flour"] == "corn"


def test_advanced_options_are_folded_away_and_skipped_by_tab(form):
    folded = form["fan"].parent()
    assert not folded.isVisible()
    assert form["heat"].isVisible()
    assert {form[name].parent() for name in ("oven", "fan", "name")} == {folded}
    assert form["fan"].text() == ""  # its label stands in the row


def test_the_wheel_scrolls_the_page_instead_of_changing_a_value(form):
    for name in ("heat", "flour"):
        control = form[name]
        turn = QWheelEvent(
            QPointF(5, 5), QPointF(control.mapToGlobal(QPoint(5, 5))), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(control, turn)
    assert form.value(Baking) == Baking()


@pytest.mark.parametrize(
    ("panel", "options"),
    [
        (lambda: SettingsPanel(Workspace()), {**options_of(PredictOptions), **options_of(Compute)}),
        (lambda: TrainingOptions(Workspace()), {**options_of(TrainPlan), **FIT_OPTIONS}),
        (lambda: LeidenPanel(Workspace()), options_of(LeidenOptions)),
    ],
)
def test_the_docks_hold_every_option_and_fit_into_a_narrow_dock(qtbot, panel, options):
    made = panel()
    qtbot.addWidget(made)
    labels = {label.text() for label in made.findChildren(QLabel)}
    assert {about.label for about in options.values()} <= labels
    assert made.minimumSizeHint().width() <= WIDTH
    assert made.form.values() == {name: about.default for name, about in options.items()}
