"""What is to be done with which slides, as plain data that travels between machines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.exports.registry import find_exporter
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD, find_statistics
from napari_stem.sections.opening import Opening
from napari_stem.storage import content_of

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint

METHODS = "-evaluation.json"  # the end of the names of files with metrics of all methods


class Goal(StrEnum):
    """What each slide ends in."""

    PREDICT = "prediction"
    EMBED = "embedding"
    EVALUATE = "evaluation"


@dataclass(frozen=True, slots=True)
class Listed:
    """A slide as a cohort lists it.

    Attributes
    ----------
    slide
        Path of a slide or a section, or the name of a sample.
    spots
        Path of its spot table; "" takes the section's own spots, or a grid over the tissue.
    image
        Path of a section's slide, if it is not in the folder of the spots.
    mpp
        Micrometres per level-0 pixel, if the file states none or a wrong value.
    name
        Display name, and that of its files; "" takes the one of its path.
    patient
        Whom it is of; written to the manifest.
    """

    slide: str
    spots: str = ""
    image: str = ""
    mpp: float | None = None
    name: str = ""
    patient: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        """What tells it from the other slides of a cohort."""
        return self.slide, self.spots


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """What is done with each slide.

    Attributes
    ----------
    statistics, threshold
        As in `prediction.predict.iter_predict`.
    suffixes
        Formats in which predictions are written.
    genes
        Genes that figures and reports show.
    pitch_um, tissue_share, bin_um
        As in `sections.opened.Opened.place`.
    training
        Paths of the sections that baselines learn from, which an evaluation compares; none leaves
        them out.
    """

    checkpoint: Path
    goal: Goal = Goal.PREDICT
    options: PredictOptions = field(default_factory=PredictOptions)
    compute: Compute = field(default_factory=Compute)
    opening: Opening = field(default_factory=Opening)
    leiden: LeidenOptions = field(default_factory=LeidenOptions)
    statistics: tuple[str, ...] = ()
    threshold: float = THRESHOLD
    suffixes: tuple[str, ...] = (".h5ad",)
    genes: tuple[str, ...] = ()
    pitch_um: float | None = None
    tissue_share: float = TISSUE_SHARE
    bin_um: float | None = None
    training: tuple[str, ...] = ()

    def outputs(self, listed: Listed) -> list[str]:
        """Names of the files that a slide ends in."""
        if self.goal is Goal.EVALUATE:
            return [f"{listed.name}{METHODS}"] if self.training else []
        suffixes = (".h5ad",) if self.goal is Goal.EMBED else self.suffixes
        return [f"{listed.name}-{self.goal}{suffix}" for suffix in suffixes]

    def check(self, outputs: Iterable[Path]) -> None:
        """Check that what is asked for can be made and written, as far as that is quick.

        Raises
        ------
        OptionError, StorageError
            The error names what cannot be made, and why.
        """
        find_statistics(self.statistics)
        for path in outputs:
            find_exporter(path).check(path, self.genes)

    def load_checkpoint(self) -> Checkpoint:
        """The checkpoint, after a check that it predicts the genes.

        Raises
        ------
        PanelError, CheckpointError
            The error names what cannot be made, and why.
        """
        from napari_stem.checkpoints.checkpoint import load_checkpoint  # it takes seconds
        from napari_stem.genes.names import check_panel

        checkpoint = load_checkpoint(self.checkpoint)
        check_panel(
            self.genes, checkpoint.recipe.panel, "the checkpoint",
            why="Choose genes that it predicts.",
        )  # fmt: skip
        return checkpoint

    def fingerprint(self) -> str:
        """The same only where the same slide would end in the same."""
        asked = {
            "checkpoint": content_of(self.checkpoint),
            "goal": self.goal,
            "options": asdict(self.options),
            "low_resolution": self.compute.allow_low_resolution,
            "opening": asdict(self.opening),
            "leiden": asdict(self.leiden),
            "statistics": self.statistics,
            "threshold": self.threshold,
            "suffixes": self.suffixes,
            "genes": self.genes,
            "grid": [self.pitch_um, self.tissue_share, self.bin_um],
        }
        return _digest({**asked, "training": self.training} if self.training else asked)


def key_of(listed: Listed, order: str) -> str:
    """The same only for the same files, asked for the same by an order of that fingerprint."""
    files = [_state(Path(path)) for path in (listed.slide, listed.spots, listed.image) if path]
    return _digest({"order": order, "listed": asdict(listed), "files": files})


def _state(path: Path) -> list[int]:
    """Size and time of the last change; nothing of a sample, or where nothing is."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]


def _digest(parts: Mapping[str, object]) -> str:
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
