"""Distillation: a student learns to do in one evaluation what takes its teacher many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_stem.checkpoints.learned import were_learned
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.errors import OptionError
from napari_stem.events import Check
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.model.fit_config import check_settings
from napari_stem.model.network import StemNetwork
from napari_stem.model.samplers import predictor_corrector
from napari_stem.model.steps import Step, angle_steps
from napari_stem.training.batch_loss import Batch, Lesson

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.section import Section

_SOLVED = 8  # evaluations of the teacher along a whole draw, which keep every metric
_FEWEST = 2  # along a step of the student
_FIT: Mapping[str, Any] = {
    "steps": 300, "batch_size": 128, "learning_rate": 2e-3, "warmup": 20, "decay": "cosine",
    "ema": 0.99,
}  # fmt: skip


def student_recipe(
    teacher: Recipe, evaluations: int, fit: Mapping[str, Any] | None = None
) -> Recipe:
    """The recipe of a network that learns from one of another recipe to draw with few evaluations.

    Parameters
    ----------
    evaluations
        Of the network for a draw.
    fit
        Training settings that replace those of a distillation, by their names in `FitConfig`.

    Raises
    ------
    OptionError
        The teacher predicts noise, which tells nothing at the start of a draw, or is distilled
        already; or a setting is wrong.
    """
    if teacher.diffusion.prediction != "v":
        raise OptionError(
            "The checkpoint predicts noise, from which a student cannot learn. Distil one that "
            "predicts velocity, such as those of the preset small."
        )
    if teacher.diffusion.evaluations:
        raise OptionError(
            "The checkpoint is distilled already. Distil the one that it was distilled from."
        )
    check_settings(fit or {})
    return replace(
        teacher,
        network=replace(teacher.network, dropout=0.0),  # the target leaves nothing to chance
        diffusion=replace(teacher.diffusion, evaluations=evaluations),
        fit=replace(teacher.fit, minutes=None, **{**_FIT, **(fit or {})}),
    )


def check_unseen(teacher: Checkpoint, held_out: Sequence[Section]) -> None:
    """Refuse to test a student on a section that its teacher learned.

    Raises
    ------
    OptionError
        The counts of a section are those that the teacher learned from.
    """
    for section in held_out:
        if were_learned(section.spots, section.name, teacher):
            raise OptionError(
                f"The checkpoint to distil learned the counts of '{section.name}'. Hold out a "
                "section that it never saw."
            )


class Teacher:
    """What a student learns from: the flow of another network between the times of its steps.

    A DDIM step of the student is to end where the teacher's flow does. This is the target of
    progressive distillation (Salimans and Ho 2022, appendix G), with the flow solved by many
    evaluations at once instead of by halving their number again and again.

    Parameters
    ----------
    network
        A trained network, which predicts v.
    schedule
        Of the student, with its evaluations for a draw.
    """

    def __init__(self, network: StemNetwork, schedule: Schedule) -> None:
        self._network, self._schedule = network, schedule
        evaluations = schedule.config.evaluations or 1
        each = min(max(_FEWEST, _SOLVED // evaluations), schedule.steps // evaluations)
        steps = angle_steps(schedule, evaluations * each)
        self._ways = [steps[start : start + each] for start in range(0, len(steps), each)]

    def on(self, device: torch.device) -> Lesson:
        """Replaces spots of a batch by those that the student learns, on a device."""
        network = deepcopy(self._network).to(device).eval()

        def lesson(batch: Batch, check: Check) -> Batch:
            number = batch.t * len(self._ways) // self._schedule.steps
            parts = [(number == i).nonzero()[:, 0] for i in range(len(self._ways))]
            taught = [
                self._taught(network, batch.some(rows), way, check)
                for rows, way in zip(parts, self._ways, strict=True)
                if len(rows)
            ]
            return Batch.joined(taught)

        return lesson

    def _taught(
        self, network: StemNetwork, batch: Batch, way: Sequence[Step], check: Check
    ) -> Batch:
        """Spots at the start of a way, with the values and the noise on a line to its end."""
        first, alpha_bar_end = way[0], way[-1].alpha_bar_next
        signal, sigma = first.alpha_bar**0.5, (1 - first.alpha_bar) ** 0.5
        x = signal * batch.x_start + sigma * batch.noise
        denoise = denoiser(network, batch.condition, self._schedule, check)
        *_, end = predictor_corrector(denoise, x, way)
        left = (1 - alpha_bar_end) ** 0.5 / sigma
        x_start = (end - left * x) / (alpha_bar_end**0.5 - left * signal)
        noise: Tensor = (x - signal * x_start) / sigma
        return Batch(x_start, batch.condition, torch.full_like(batch.t, first.t), noise, batch.seed)
