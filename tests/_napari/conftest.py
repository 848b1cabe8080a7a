"""A real viewer with the dock in it, and a home folder of its own."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from napari.utils.notifications import notification_manager
from napari.viewer import Viewer
from npe2 import PluginManager
from npe2.manifest.schema import discovery_blocked
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QObject, Qt, QTimer, QUrl, Slot
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from napari_stem._napari.predict.dock import PredictDock
from napari_stem._napari.state.checkpoint import ChosenCheckpoint
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.sections.section import Section
from napari_stem.storage import CACHE_VARIABLE
from napari_stem.training.train import TrainResult

from .private_names import tasks_of

LEFT = Qt.MouseButton.LeftButton
CHECKPOINT = ChosenCheckpoint(Path("any.safetensors"), make_recipe("small", ("A",)), "")
_HEAVY = ("napari_stem.prediction.predict", "scanpy")
PATIENCE = 180_000  # ms; a busy machine loads torch slowly


class PatientBot(QtBot):
    """Qt's test driver, which waits five seconds unless told otherwise."""

    def waitUntil(self, callback: Any, *, timeout: int = PATIENCE) -> None:
        super().waitUntil(callback, timeout=timeout)

    def waitSignal(self, signal: Any, *, timeout: int = PATIENCE, **options: Any) -> Any:
        return super().waitSignal(signal, timeout=timeout, **options)


@pytest.fixture
def qtbot(qapp: Any, request: pytest.FixtureRequest) -> QtBot:
    return PatientBot(request)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, checkpoints and caches in an empty folder."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    for kind in ("config", "data"):
        folder = tmp_path / kind
        monkeypatch.setattr(platformdirs, f"user_{kind}_path", lambda *_, to=folder: to)
    return tmp_path


class Browser(QObject):
    """Takes the files that would be shown in another program."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Path] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.shown.append(Path(url.toLocalFile()))


@pytest.fixture
def browser() -> Iterator[Browser]:
    receiver = Browser()
    QDesktopServices.setUrlHandler("file", receiver, "take")
    yield receiver
    QDesktopServices.unsetUrlHandler("file")


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What napari told the user."""
    told: list[str] = []

    def listen(notification: Any) -> None:
        told.append(f"{notification.severity}: {notification.message}")

    notification_manager.notification_ready.connect(listen)
    yield told
    notification_manager.notification_ready.disconnect(listen)


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Viewer:
    return make_napari_viewer(strict_qt="raise")


@pytest.fixture
def dock(viewer: Viewer) -> PredictDock:
    """The dock, opened as the menu opens it."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-stem", "Predict")
    assert isinstance(widget, PredictDock)
    return widget


@pytest.fixture(scope="session")
def section(sections: list[Section]) -> Section:
    """A section that the checkpoint has not seen."""
    return sections[2]


@pytest.fixture
def ready(dock: PredictDock, section: Section, trained: TrainResult, qtbot: Any) -> PredictDock:
    """The dock with slide, spots and checkpoint chosen."""
    dock.workspace.take_slide(section.slide)
    dock.workspace.spots = section.spots
    dock.checkpoint.open(trained.path)
    qtbot.waitUntil(dock.predict_button.isEnabled, timeout=PATIENCE)
    dock.settings.draws.setValue(4)
    return dock


class Answers:
    """Presses buttons of the dialogs that come, as a user would; tells what they asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._presses: list[str] = []
        self._timer = QTimer()
        self._timer.setInterval(10)
        self._timer.timeout.connect(self._look)

    def press(self, *texts: str) -> None:
        """Press a button with this text in the next dialog, and so on."""
        self._presses += texts
        self._timer.start()

    def _look(self) -> None:
        box = QApplication.activeModalWidget()
        if not self._presses or not isinstance(box, QMessageBox):
            return
        (button,) = [one for one in box.buttons() if one.text() == self._presses[0]]
        self._presses.pop(0)
        self.asked.append(box.text())
        if not self._presses:
            self._timer.stop()
        button.click()


@pytest.fixture
def answers() -> Iterator[Answers]:
    made = Answers()
    yield made
    made._timer.stop()
    assert not made._presses


def is_busy(viewer: Viewer) -> bool:
    """Whether napari knows of a task that has not ended; it would ask about it when closing."""
    return bool(tasks_of(viewer).is_busy())


def controls_of(parent: QWidget, kinds: tuple[type[QWidget], ...]) -> list[QWidget]:
    """The widgets of some kinds below another one; PySide's findChildren takes one kind."""
    return [widget for widget in parent.findChildren(QWidget) if isinstance(widget, kinds)]


@pytest.fixture(scope="session", autouse=True)
def _loaded() -> None:
    for name in _HEAVY:
        import_module(name)
    PluginManager.instance().discover(include_npe1=True)


@pytest.fixture(autouse=True)
def _known_plugins(_loaded: None) -> Iterator[None]:
    """Each viewer takes the manifests that were read, and reads none again."""
    with discovery_blocked():
        yield


@pytest.fixture(autouse=True)
def _quick_collection(_loaded: None) -> None:
    """Take what lives on out of the garbage collections that napari asks for at every layer."""
    gc.collect()
    gc.freeze()
