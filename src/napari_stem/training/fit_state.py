"""A training run at one step: network, average and optimiser, saved and loaded whole."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Generator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from napari_stem.devices import free_memory
from napari_stem.errors import TrainingError
from napari_stem.events import Progress, finish
from napari_stem.model.diffusion import Schedule, random_diffusion
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import StemNetwork
from napari_stem.storage import atomic_path
from napari_stem.text import one_line
from napari_stem.training.batch_loss import Batch, BatchLoss, Lesson, is_short
from napari_stem.training.examples import Examples, conditions_of, likely_values, random_batch
from napari_stem.training.team import Team
from napari_stem.workers import Workers

T = TypeVar("T")

_VALIDATIONS = 8  # passes over the held-out spots, each with other noise
_FEWEST_VALIDATED = 256  # spots, of all passes
_VALIDATED_SHARE = 0.05  # of the time
_CONDITIONS_SHARE = 0.25  # of the free memory of a GPU
_BACKWARD = 3  # times as long as a forward pass takes one with its gradient


@dataclass(frozen=True, slots=True)
class Best:
    """The averaged weights with the lowest validation loss so far."""

    loss: float
    step: int
    weights: dict[str, Tensor]


class FitState:
    """Network, average and optimiser at one step: saved and loaded whole.

    Within a step, nothing waits for the device.

    Attributes
    ----------
    averaged
        The network with averaged weights, on the device.
    """

    def __init__(
        self,
        team: Team,
        network: StemNetwork,
        schedule: Schedule,
        workers: Workers,
        config: FitConfig,
        identity: str,
        lesson: Lesson | None = None,
    ) -> None:
        self._team, self._fabric = team, team.fabric
        self._config = config
        self._identity = identity
        decay = config.weight_decay  # the learning rate is set at each step
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=decay, fused=True)
        self._network, self._optimizer = self._fabric.setup(network, optimizer)
        self.averaged = deepcopy(network).eval().requires_grad_(False)
        self._schedule, self._workers = schedule, workers
        self._short = is_short(network, config.batch_size)
        batch_loss = partial(
            BatchLoss, workers=workers, lesson=lesson, short=self._short, most=config.batch_size
        )
        self._training, self._validation = (
            batch_loss(network, self._in_precision(each), schedule)
            for each in (network, self.averaged)
        )
        self._cost = 1 if lesson else _BACKWARD  # a lesson costs both many forward passes
        self.step = 0
        self.seconds = 0.0
        self.finished = False
        self.best: Best | None = None
        self._unsound = torch.full((), math.inf, device=self._fabric.device)  # first such step
        self._clock = time.monotonic()

    def to_device(self, examples: Examples) -> Examples:
        """The same examples where the network is, but for conditions that have no room there."""
        spread, condition = examples.spread, examples.condition
        known = None if spread is None else self._fabric.to_device(spread)
        free = free_memory(self._fabric.device)
        if free is None or condition.nbytes < free * _CONDITIONS_SHARE:
            condition = self._fabric.to_device(condition)
        x_start, noise = map(self._fabric.to_device, (examples.x_start, examples.noise))
        return Examples(x_start, condition, noise, known)

    def iter_steps(
        self, examples: Examples, enough: Callable[[], bool]
    ) -> Generator[None, None, Tensor]:
        """Optimiser steps until there are enough, asked after each; the last loss, on the device.

        Yields now and then within long steps; closed there, only whole steps have changed anything.
        Short ones are led by a worker, because handing over takes long on a busy machine.

        Raises
        ------
        TrainingError
            A gradient was not finite.
        """
        self._network.train()
        return (yield from self._iter_led(self._iter_steps(examples, enough)))

    def follow(self, examples: Examples) -> NoReturn:
        """Take part in the steps that the first process takes, and end with them."""
        self._network.train()
        while (seconds := self._team.call(False)) is not None:
            self.seconds = seconds
            finish(self._iter_led(self._iter_step(examples)))
        self._team.leave()

    def spent(self) -> float:
        """Finished share of the training."""
        return self._config.spent(self.step, self.seconds)

    def progress(self) -> Progress:
        """In steps, or in seconds if the time is limited."""
        if self._config.minutes is None:
            done, total = self.step, self._config.steps
        else:
            total = math.ceil(60 * self._config.minutes)
            done = min(total, round(total * self.spent()))
        return Progress(done, total, "train")

    def iter_validate(self, examples: Examples, every: int) -> Generator[None, None, float]:
        """Loss of the averaged weights on held-out spots, with noise that never changes.

        On all of them, or on as many as take a twentieth of the time of `every` training steps.
        """
        mean = yield from self._iter_led(self._iter_validate(examples, every))
        if self.best is None or mean < self.best.loss:
            weights = self.averaged.state_dict()
            copies = {name: value.detach().cpu().clone() for name, value in weights.items()}
            self.best = Best(mean, self.step, copies)
        return mean

    def save(self, path: Path) -> None:
        """Keep everything that the next steps depend on, unless it is not finite."""
        if self._unsound.isfinite():
            return
        with atomic_path(path) as draft:
            torch.save(self._state(), draft)

    def load(self, path: Path) -> None:
        """Go on from where `save` was called.

        Raises
        ------
        TrainingError
            The file is damaged, or belongs to another run.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            same = (state["config"], state["identity"]) == (asdict(self._config), self._identity)
            if same:
                self._network.load_state_dict(state["network"])
                self.averaged.load_state_dict(state["average"])
                self._optimizer.load_state_dict(state["optimizer"])
        except Exception as error:  # torch raises many kinds for a damaged file
            raise TrainingError(
                f"The saved training state could not be read: {one_line(error)}. Delete "
                f"the file to start anew. File: '{path}'."
            ) from error
        if not same:
            raise TrainingError(
                "The saved training state belongs to a run with other settings, genes or "
                "sections. Use the same ones to resume, or choose another run folder. "
                f"File: '{path}'."
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.finished = state["finished"]
        self.best = state["best"] and Best(**state["best"])

    @torch.no_grad()
    def _descend(self, gradients: Sequence[Tensor]) -> None:
        """Move the weights and their average; `_check_sound` tells later whether that was wrong."""
        for parameter, gradient in zip(self._network.parameters(), gradients, strict=True):
            parameter.grad = gradient
        norm = self._fabric.clip_gradients(
            self._network, self._optimizer, max_norm=self._config.clip, error_if_nonfinite=False
        )
        assert norm is not None
        earliest = self._unsound.clamp(max=self.step)
        self._unsound = torch.where(norm.isfinite(), self._unsound, earliest)
        for group in self._optimizer.param_groups:
            group["lr"] = self._config.rate(self.step, self.seconds)
        self._optimizer.step()
        self._optimizer.zero_grad()
        # timm's ModelEmaV3 warms up as 1 - (1 + n)^(-2/3), and could not repeat older runs.
        kept = min(self._config.ema, (1 + self.step) / (10 + self.step)) if self.step else 0.0
        means, weights = (list(n.parameters()) for n in (self.averaged, self._network))
        torch._foreach_lerp_(means, weights, 1 - kept)

    def _check_sound(self) -> None:
        if self._unsound.isfinite():
            advice = ", or use float32 precision" if self._config.precision != "32-true" else ""
            raise TrainingError(
                "The training loss is not finite (NaN or infinite) at step "
                f"{self._unsound.item():.0f}. Lower the learning rate{advice}."
            )

    def _iter_steps(
        self, examples: Examples, enough: Callable[[], bool]
    ) -> Generator[None, None, Tensor]:
        while True:
            self._team.call(True, self.seconds)
            loss = yield from self._iter_step(examples)
            if enough():
                self._check_sound()
                return loss

    def _iter_step(self, examples: Examples) -> Generator[None, None, Tensor]:
        batch = self._run(partial(self._random_batch, examples))
        found = yield from self._training.iter_gradient(batch, self._team.share(len(batch)))
        self._team.add_up(found)
        loss, *gradients = found
        self._run(partial(self._descend, gradients))
        self.step += 1
        now = time.monotonic()
        self.seconds, self._clock = self.seconds + now - self._clock, now
        return loss

    def _iter_validate(self, examples: Examples, every: int) -> Generator[None, None, float]:
        random = torch.Generator(self._fabric.device).manual_seed(_seed(self._config.seed, -1))
        trained = every * self._config.batch_size * self._cost
        most = max(_FEWEST_VALIDATED, int(_VALIDATED_SHARE * trained))
        some = torch.linspace(0, len(examples.x_start) - 1, min(most, len(examples.x_start)))
        rows = some.round().long().to(self._fabric.device)
        condition = conditions_of(examples, rows, 0)
        total, passes = 0.0, max(1, min(_VALIDATIONS, most // len(rows)))
        for _ in range(passes):
            x = likely_values(examples, rows, random)
            t, noise = random_diffusion(x, self._schedule, random)
            batch = Batch(x, condition, t, noise)
            total += float((yield from self._validation.iter_value(batch)))
        return total / passes

    def _iter_led(self, work: Generator[None, None, T]) -> Generator[None, None, T]:
        """What some work gives; a worker leads that of short steps."""
        return self._workers.run(partial(finish, work)) if self._short else (yield from work)

    def _run(self, job: Callable[[], T]) -> T:
        """In a worker, which leads a short step already."""
        return job() if self._short else self._workers.run(job)

    def _random_batch(self, examples: Examples) -> Batch:
        """All random numbers of a step follow from the seed and the step alone."""
        seed = _seed(self._config.seed, self.step)
        random = torch.Generator(self._fabric.device).manual_seed(seed)
        x, condition = random_batch(examples, self._config, random)
        t, noise = random_diffusion(x, self._schedule, random)
        return Batch(x, condition, t, noise, seed)

    def _in_precision(self, network: nn.Module) -> Callable[..., Tensor]:
        """The network as it is called in the precision of the training."""

        def forward(*inputs: Any) -> Tensor:
            with self._fabric.autocast():
                out: Tensor = network(*inputs)
            return out

        return forward

    def _state(self) -> dict[str, Any]:
        return {
            "config": asdict(self._config),
            "identity": self._identity,
            "network": self._network.state_dict(),
            "average": self.averaged.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
            "finished": self.finished,
            "best": self.best
            and {field.name: getattr(self.best, field.name) for field in fields(self.best)},
        }


def _seed(seed: int, step: int) -> int:
    """Seed of one step: other runs and steps get other random numbers."""
    return zlib.crc32(f"{seed}/{step}/0".encode())  # the 0 repeats benchmarks/RESULTS.md
