"""The inner training loop: tensors in, events out; the state on disk resumes bit by bit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from napari_stem.defaults import Keep
from napari_stem.errors import TrainingError
from napari_stem.events import (
    Event,
    Events,
    Loss,
    Pace,
    Partial,
    Progress,
    Seldom,
    finish,
    relay,
)
from napari_stem.model.compiling import compile_blocks
from napari_stem.model.diffusion import Schedule
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import StemNetwork
from napari_stem.training.distill import Teacher
from napari_stem.training.examples import Examples
from napari_stem.training.fit_state import FitState
from napari_stem.training.team import Team
from napari_stem.workers import Workers

FIRST_SAVE, SAVE_SECONDS = 1.0, 60.0  # seconds to the first save, and at most between two
VALIDATE_EVERY = 100  # steps
_FEWEST_VALIDATIONS = 8  # of a short run


@dataclass(frozen=True, slots=True)
class Fitted:
    """A trained network, and the step that its averaged weights come from."""

    network: StemNetwork
    step: int


Measure: TypeAlias = Callable[[StemNetwork, int], Iterable[Event]]


def never() -> bool:
    """Never finish early."""
    return False


def iter_fit(
    network: StemNetwork,
    schedule: Schedule,
    examples: Examples,
    config: FitConfig,
    *,
    validation: Examples | None = None,
    keep: Keep = "last",
    measure: Measure | None = None,
    teacher: Teacher | None = None,
    finish_now: Callable[[], bool] = never,
    state_path: Path | None = None,
    identity: str = "",
    device: str = "auto",
    compile: bool = False,  # noqa: A002  # as in `Compute`
    devices: int = 1,
    nodes: int = 1,
) -> Events[Fitted]:
    """Train `network` on the mean squared error of the diffusion (paper, eq. 4).

    Every random number of a step follows from the seed and the step alone, so that a run resumed
    from `state_path` equals an unbroken one.

    Parameters
    ----------
    validation
        Held-out examples whose loss is reported, always with the same noise.
    keep
        "best" returns the averaged weights with the lowest loss on `validation`, "last" those of
        the last step.
    measure
        Called with the averaged network and the step after some validations, so seldom that it
        takes less than a tenth of the time; what it gives is yielded.
    teacher
        What the network learns to do in fewer evaluations; without one, it learns from the values.
    finish_now
        Called after each step; True ends the run as if its steps were done.
    state_path
        File that holds the unfinished run. Closing the generator saves it within a layer of the
        network, as it was after the last whole step.
    identity
        What else, apart from `config`, must be equal to resume from that file.
    compile
        Whether the blocks of the network are compiled for its steps.
    device, devices, nodes
        As in `Team`. Of several processes the first returns; the others end here.

    Returns
    -------
    The network with averaged (EMA) weights, on the CPU, in evaluation mode.

    Raises
    ------
    TrainingError
        The state on disk belongs to another run, or the loss is no longer finite.
    """
    team = Team(device, config, devices=devices, nodes=nodes)
    every = min(VALIDATE_EVERY, max(1, config.steps // _FEWEST_VALIDATIONS))
    pace, saves, seldom = Pace(), _Saves(), Seldom()
    with Workers(team.fabric.device) as workers:
        lesson = teacher.on(team.fabric.device) if teacher else None
        learner = compile_blocks(deepcopy(network)) if compile else network
        run = FitState(team, learner, schedule, workers, config, identity, lesson)
        if state_path is not None and state_path.exists():
            run.load(state_path)
        training, held_out = run.to_device(examples), validation and run.to_device(validation)
        if not team.leads:
            run.follow(training)

        def told(_: None) -> Event:
            return run.progress()

        def enough() -> bool:
            run.finished = run.spent() >= 1 or finish_now()
            return run.finished or run.step % every == 0 or pace.due()

        try:
            while not run.finished:
                steps = run.iter_steps(training, enough)
                # Other processes wait for this one's share: closing waits for the step.
                loss = (yield from relay(steps, told)) if team.alone else finish(steps)
                measured = None
                if held_out and (run.step % every == 0 or run.finished):
                    measured = yield from relay(run.iter_validate(held_out, every), told)
                yield run.progress()
                yield Loss(run.step, loss.item(), measured)
                if measure and measured is not None and not run.finished and seldom.due():
                    with seldom:
                        for event in measure(run.averaged, run.step):
                            is_part = isinstance(event, Progress | Partial)
                            yield run.progress() if is_part else event
                if state_path is not None and saves.due():
                    run.save(state_path)
        except (GeneratorExit, TrainingError):
            team.call(False)
            if state_path is not None:
                run.save(state_path)
            raise
        team.call(False)
    if state_path is not None:
        run.save(state_path)
    best = run.best if keep == "best" else None
    network.load_state_dict(best.weights if best else run.averaged.state_dict())
    return Fitted(network.cpu().eval(), best.step if best else run.step)


class _Saves:
    """When to save: early, so that no kill costs more than half of a run, and ever less often."""

    def __init__(self) -> None:
        self._after = FIRST_SAVE
        self._last = time.monotonic()

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._after:
            return False
        self._last, self._after = now, min(2 * self._after, SAVE_SECONDS)
        return True
