"""The third step of the Predict dock: the checkpoint."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QSizePolicy

from napari_stem._napari.files import opening
from napari_stem._napari.shell.choices import (
    choose_checkpoint,
    choose_weights,
    reopen_checkpoint,
)
from napari_stem._napari.shell.dialogs import ask_file
from napari_stem._napari.shell.panel import WEIGHTS_FILES, Panel, button, menu_button
from napari_stem._napari.shell.remembered import remembered
from napari_stem._napari.shell.worker import start
from napari_stem.checkpoints.starter import ATTRIBUTION, TITLE, starter_file
from napari_stem.evaluation.metrics import BRIEF, BRIEF_BASELINES
from napari_stem.storage import checkpoints_dir
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem._napari.state.workspace import Workspace

_SUFFIX = ".safetensors"
_FILES = f"Checkpoints (*{_SUFFIX})"
_CHOOSE = "Choose…"


class CheckpointPanel(Panel):
    """Choose or open a checkpoint; shows its training data and its metrics on held-out tissue."""

    heading = "3  Checkpoint"
    foldable = True

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self._described: dict[str, str] = {}  # what is known of checkpoints, by their paths
        self._build()
        self._connect()
        self.refresh()
        job = start(opening.describe_checkpoint(starter_file()), self)
        job.result.connect(self._describe)
        self._reopen()

    def _build(self) -> None:
        self.box = QComboBox()
        self.box.setToolTip(
            f"The trained model to predict with. Lists the checkpoints in {checkpoints_dir()}, and "
            "those opened before."
        )
        self.box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.open_button = button("Open…", f"Open a checkpoint file ({_SUFFIX}).")
        self.open_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.weights_button = menu_button(
            "Weights file…",
            "Choose a local weights file for an encoder. It is used instead of a download.",
        )
        self.add_row(self.box, self.open_button)
        self.starter_button = button("Try the starter checkpoint", f"{TITLE}. {ATTRIBUTION}")
        self.add_row(self.note)
        self.add_row(self.starter_button)
        self.add_row(self.weights_button)

    def _connect(self) -> None:
        self.box.activated.connect(self._choose)
        self.open_button.clicked.connect(self._ask)
        self.starter_button.clicked.connect(lambda: self.open(starter_file()))
        self.follow("checkpoint", "installed")

    def summary(self) -> str:
        checkpoint = self.workspace.checkpoint
        return "" if checkpoint is None else checkpoint.path.stem

    def open(self, path: Path) -> None:
        """Read the header of a checkpoint and choose it."""
        take = partial(choose_checkpoint, self.workspace)
        self.run(opening.describe_checkpoint(path), f"Reading {path.name}…", take)

    def _list(self) -> None:
        opened = (Path(path) for path in remembered("checkpoints", []))
        found = {*checkpoints_dir().glob(f"*{_SUFFIX}"), *filter(Path.is_file, opened)}
        self.box.clear()
        self.box.addItem(_CHOOSE)
        self._add(TITLE, starter_file())
        for path in sorted(found - {starter_file()}, key=lambda path: path.stem):
            self._add(path.stem, path)

    def _add(self, text: str, path: Path) -> None:
        self.box.addItem(text, str(path))  # text, which Qt can find again
        self._tell(self.box.count() - 1)

    def _tell(self, row: int) -> None:
        path = self.box.itemData(row)
        lines = filter(None, (self._described.get(path), path))
        self.box.setItemData(row, "\n".join(lines), Qt.ItemDataRole.ToolTipRole)

    def _describe(self, checkpoint: ChosenCheckpoint) -> None:
        """Let the list say what a checkpoint is and how good, also while it is not chosen."""
        path = str(checkpoint.path)
        self._described[path] = _summary(checkpoint)
        self._tell(self.box.findData(path))
        if checkpoint.path == starter_file():
            self.starter_button.setToolTip(self._described[path])

    def _ask(self) -> None:
        path = ask_file(
            self,
            self.workspace,
            "Open a checkpoint",
            "checkpoint",
            _FILES,
            default=checkpoints_dir(),
        )
        if path is not None:
            self.open(path)

    def _ask_weights(self, encoder: str) -> None:
        path = ask_file(self, self.workspace, f"Weights of {encoder}", "weights", WEIGHTS_FILES)
        if path and self.workspace.checkpoint is not None:
            choose_weights(encoder, path)
            self.open(self.workspace.checkpoint.path)  # again, so that the former weights go

    def _offer_weights(self, checkpoint: ChosenCheckpoint | None) -> None:
        encoders = checkpoint.recipe.encoders if checkpoint else ()
        loaded = [encoder.name for encoder in encoders if encoder.source != "built-in"]
        self.weights_button.setVisible(bool(loaded))
        menu = self.weights_button.menu()
        menu.clear()
        for name in loaded:
            menu.addAction(f"{name}…", lambda name=name: self._ask_weights(name))

    def _reopen(self) -> None:
        """Choose the checkpoint of the last session, if it still exists."""
        last = Path(self.workspace.last.checkpoint)
        if self.workspace.checkpoint is None and last.is_file():
            reopen_checkpoint(self.workspace, "")  # one that fails is not tried at every start
            self.open(last)

    def _choose(self, row: int) -> None:
        path = self.box.itemData(row)
        if path is None:
            reopen_checkpoint(self.workspace, "")
            self.workspace.checkpoint = None
        else:
            self.open(Path(path))

    def refresh(self) -> None:
        checkpoint = self.workspace.checkpoint
        self._list()
        self._offer_weights(checkpoint)
        self.starter_button.setVisible(checkpoint is None)
        if checkpoint is None:
            self.note.setText("No checkpoint is chosen. One for trying out comes with Stem.")
        else:
            self._describe(checkpoint)
            self.box.setCurrentIndex(self.box.findData(str(checkpoint.path)))
            self.note.setText(self._described[str(checkpoint.path)])


def _summary(checkpoint: ChosenCheckpoint) -> str:
    """Genes, encoders, training data, and the metrics on held-out tissue."""
    recipe, about = checkpoint.recipe, checkpoint.about
    encoders = " + ".join(encoder.name for encoder in recipe.encoders)
    lines = [about["title"]] if about.get("title") else []
    lines.append(f"{counted(len(recipe.panel), 'gene')}, {encoders}")
    if sections := about.get("sections"):
        spots, of = counted(about["spots"], "spot"), counted(len(sections), "section")
        lines.append(f"Trained on {spots} of {of}")
    chosen = checkpoint.weights
    lines += [f"{name}: weights from {path.name}" for name, path in chosen.items()]
    lines += [
        f"{encoder.name}: needs a weights file. Choose it below, or request access at its source."
        for encoder in recipe.encoders
        if (encoder.gated or encoder.source == "timm") and encoder.name not in chosen
    ]
    if scores := about.get("scores"):
        lines.append(f"Held out: {about['held_out']} (baselines in brackets)")
        for metric in BRIEF:
            (_, ours), *others = ((name, f"{x[metric.name]:.2f}") for name, x in scores.items())
            told = (f"{name} {value}" for name, value in others if name in BRIEF_BASELINES)
            lines.append(f"{metric.heading} {ours} ({', '.join(told)})")
    if about.get("attribution"):
        lines.append(about["attribution"])
    return "\n".join(lines)
