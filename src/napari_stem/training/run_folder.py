"""Training runs on disk: contents of a run folder, status of a run, list of runs.

A run folder has the plan (`plan.json`), the status (`status.json`), the curves (`run_history`),
the state for resuming, and at the end the checkpoint. A lock, released when its process ends,
distinguishes a running run from one that was killed.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import Lock
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from napari_stem.errors import StorageError, TrainingError
from napari_stem.storage import atomic_path, checkpoints_dir, writing
from napari_stem.training.plan import TrainPlan
from napari_stem.validation import parse_json, validated

PLAN, STATUS, LOCK = "plan.json", "status.json", ".lock"
STATE, CHECKPOINT, REPORT = "state.pt", "checkpoint.safetensors", "report.html"
Standing = Literal["running", "paused", "interrupted", "finished", "failed"]

_LOCK_SECONDS = 3.0  # a glance at a lock holds it for a moment
_glance = Lock()  # two glances at once would each take the other for a running run


@dataclass(frozen=True, slots=True)
class _Status:
    """What the status of a run says, as far as it is read again."""

    standing: Any = "interrupted"
    reason: str = ""
    step: int = 0
    methods: dict[str, dict[str, float | None]] = field(default_factory=dict)
    installed: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder and its status.

    Attributes
    ----------
    standing
        "interrupted": the process ended unexpectedly; the run resumes like a paused one.
    reason
        Why it failed.
    methods
        Metrics of a finished run by method, empty without held-out sections.
    installed
        The copy of the checkpoint that the plugin lists, "" before.
    """

    folder: Path
    plan: TrainPlan
    standing: Standing
    reason: str = ""
    step: int = 0
    methods: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    installed: str = ""

    @property
    def name(self) -> str:
        """Display name."""
        return self.folder.name

    @property
    def is_resumable(self) -> bool:
        """Whether it stopped before its end, and can go on."""
        return self.standing in ("paused", "interrupted", "failed")

    @property
    def checkpoint(self) -> Path:
        """Where its checkpoint lies once it is finished."""
        return self.folder / CHECKPOINT


def create_run(folder: Path, plan: TrainPlan) -> None:
    """Make a run folder that can be started, or find the one of the same plan.

    A run of another plan that never came to learn anything gives its folder up.

    Raises
    ------
    TrainingError
        The folder belongs to a run with other settings.
    StorageError
        It cannot be written.
    """
    if (folder / PLAN).exists():
        differing = read_plan(folder).differences(plan)
        if differing and not _has_started(folder):
            (folder / STATUS).unlink(missing_ok=True)
        elif differing:
            raise TrainingError(
                "The run folder belongs to a run with other settings "
                f"({', '.join(differing)}). Use the same settings to resume, or choose "
                f"another run folder. Folder: '{folder}'."
            )
    with atomic_path(folder / PLAN) as draft:
        draft.write_text(plan.to_json(), encoding="utf-8")


def read_plan(folder: Path) -> TrainPlan:
    """The plan of a run.

    Raises
    ------
    TrainingError
        There is none, or it is damaged.
    """
    path = folder / PLAN
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            f"This is not a run folder: {PLAN} is missing or not readable. Name sections "
            f"to start a new run here. Folder: '{folder}'."
        ) from error
    return TrainPlan.from_json(text, f"'{path}'")


def read_run(folder: Path) -> Run:
    """Status of a run.

    Raises
    ------
    TrainingError
        The folder holds no plan.
    """
    plan, status = read_plan(folder), _read_status(folder)
    standing = status.pop("standing", "interrupted")
    if standing not in get_args(Standing):
        standing = "interrupted"
    if _is_locked(folder):
        standing = "running"
    elif standing == "running":
        standing = "interrupted"
    return Run(folder, plan, standing, **status)


def list_runs(*folders: Path) -> list[Run]:
    """The runs below folders, the latest first."""
    plans = {plan for folder in folders for plan in folder.glob(f"*/{PLAN}")}
    runs = []
    for plan in sorted(plans, key=_changed, reverse=True):
        try:
            runs.append(read_run(plan.parent))
        except TrainingError as error:
            if not plan.exists():  # deleted meanwhile
                continue
            runs.append(Run(plan.parent, TrainPlan(()), "failed", str(error)))
    return runs


def _has_started(folder: Path) -> bool:
    return _is_locked(folder) or any((folder / name).exists() for name in (STATE, CHECKPOINT))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # deleted meanwhile
        return 0.0


def delete_run(folder: Path) -> None:
    """Remove a run with its state and its checkpoint; an installed copy stays.

    Raises
    ------
    TrainingError
        It is running.
    StorageError
        A file cannot be removed.
    """
    if _is_locked(folder):
        raise TrainingError(f"Run '{folder.name}' is still running. Pause or stop it first.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"The run could not be deleted: {error.strerror}. Folder: '{folder}'."
        ) from error


def install(folder: Path) -> Path:
    """Copy a finished run's checkpoint to where the plugin lists checkpoints; once.

    Returns
    -------
    The copy, named as the run.

    Raises
    ------
    TrainingError
        The run has no checkpoint yet.
    StorageError
        The copy cannot be written.
    """
    run = read_run(folder)
    if run.installed and Path(run.installed).exists():
        return Path(run.installed)
    if not run.checkpoint.exists():
        raise TrainingError(
            f"Run '{run.name}' has no checkpoint yet. Wait until it finishes, or stop it."
        )
    path = free_path(checkpoints_dir() / f"{safe_name(run.name)}.safetensors")
    with atomic_path(path) as draft:
        shutil.copyfile(run.checkpoint, draft)
    write_status(folder, installed=str(path))
    return path


def safe_name(text: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.")[:80] or "run"


def free_path(path: Path) -> Path:
    """The path, or the first with -2, -3, … at its end where nothing stands."""
    number, free = 2, path
    while free.exists():
        free, number = path.with_name(f"{path.stem}-{number}{path.suffix}"), number + 1
    return free


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run's lock, so that nobody else runs it.

    Raises
    ------
    TrainingError
        Another process runs it.
    StorageError
        The folder cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=_LOCK_SECONDS)
    with writing(folder):
        try:
            lock.acquire()
        except Timeout as error:
            raise TrainingError(
                f"Run '{folder.name}' is already running in another window or terminal."
            ) from error
    try:
        yield
    finally:
        lock.release()


def write_status(folder: Path, **changes: Any) -> None:
    """Update the status of a run."""
    with atomic_path(folder / STATUS) as draft:
        draft.write_text(json.dumps({**_read_status(folder), **changes}), encoding="utf-8")


def _read_status(folder: Path) -> dict[str, Any]:
    try:
        found = parse_json((folder / STATUS).read_text(encoding="utf-8"))
        known = {each.name for each in fields(_Status)}
        status = validated(_Status, {k: v for k, v in found.items() if k in known})
    except (OSError, ValueError, AttributeError):
        return {}
    return asdict(status)


def _is_locked(folder: Path) -> bool:
    if not (folder / LOCK).exists():
        return False
    try:
        with _glance, FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that cannot be written cannot run
        return False
