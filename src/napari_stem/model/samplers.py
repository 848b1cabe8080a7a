"""Samplers: functions of (denoise, x, steps) from noise to values, and the steps they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from napari_stem.model.diffusion import Denoise, Schedule

SamplerName = Literal["dpm++", "ddim", "ancestral"]


@dataclass(frozen=True, slots=True)
class Step:
    """From time `t`, where the signal's variance is `alpha_bar`, to `alpha_bar_next`."""

    t: int
    alpha_bar: float
    alpha_bar_next: float


def log_snr_steps(schedule: Schedule, n: int) -> list[Step]:
    """`n` steps from t = T - 1 to t = 0 and to no noise at all, evenly spaced in log-SNR.

    Even spacing in t bends the spread of the draws and leaves their mean alone, so that nobody
    notices. Every step starts at a trained timestep, none twice: `n` = T takes all of them.
    """
    noisiest, cleanest = schedule.log_snr[[-1, 0]].tolist()
    even = torch.linspace(noisiest, cleanest, n, dtype=torch.float64)
    nearest = (schedule.log_snr - even[:, None]).abs().argmin(dim=1).flip(0)  # (n,) rising
    # Timesteps are sparse in log-SNR near t = 0: neighbours that fell together move apart.
    order = torch.arange(n)
    t = torch.cummax(nearest - order, dim=0).values + order
    t = torch.minimum(t, schedule.steps - n + order).flip(0)  # (n,) falling
    alpha_bar = [*schedule.alpha_bar[t].tolist(), 1.0]
    return [Step(*step) for step in zip(t.tolist(), alpha_bar, alpha_bar[1:], strict=False)]


def ddim(denoise: Denoise, x: Tensor, steps: Sequence[Step]) -> Tensor:
    """Deterministic DDIM (Song et al. 2021, eq. 12 with sigma = 0)."""
    for step in steps:
        x_start = denoise(x, step.t)
        eps = (x - step.alpha_bar**0.5 * x_start) / (1 - step.alpha_bar) ** 0.5
        x = step.alpha_bar_next**0.5 * x_start + (1 - step.alpha_bar_next) ** 0.5 * eps
    return x


def dpm_solver_pp_2m(denoise: Denoise, x: Tensor, steps: Sequence[Step]) -> Tensor:
    """DPM-Solver++ of second order, multistep (Lu et al. 2022, algorithm 2).

    The first step and the last, whose log-SNR is infinite, are of first order.
    """
    previous, h_previous = None, math.inf
    for step in steps:
        x_start = denoise(x, step.t)
        h = _half_log_snr(step.alpha_bar_next) - _half_log_snr(step.alpha_bar)
        slope = 0 if previous is None or h == math.inf else (x_start - previous) * h / h_previous
        sigma_ratio = ((1 - step.alpha_bar_next) / (1 - step.alpha_bar)) ** 0.5
        x = sigma_ratio * x - step.alpha_bar_next**0.5 * math.expm1(-h) * (x_start + slope / 2)
        previous, h_previous = x_start, h
    return x


def ancestral(
    denoise: Denoise, x: Tensor, steps: Sequence[Step], noise: Callable[[Step], Tensor]
) -> Tensor:
    """DDPM's reverse process with the variance of the posterior (Ho et al. 2020, eq. 7).

    With all T steps this is the paper's sampler.
    """
    for step in steps:
        x_start = denoise(x, step.t)
        alpha = step.alpha_bar / step.alpha_bar_next
        left = (1 - step.alpha_bar_next) / (1 - step.alpha_bar)
        mean = (
            step.alpha_bar_next**0.5 * (1 - alpha) / (1 - step.alpha_bar) * x_start
            + alpha**0.5 * left * x
        )
        x = mean + (left * (1 - alpha)) ** 0.5 * noise(step)
    return x


def _half_log_snr(alpha_bar: float) -> float:
    """Lambda of DPM-Solver: log(alpha / sigma)."""
    return math.inf if alpha_bar == 1 else 0.5 * math.log(alpha_bar / (1 - alpha_bar))
