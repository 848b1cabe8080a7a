"""Samplers and spacings that the program lacks, because none of them is better than its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.model.diffusion import Schedule
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.steps import log_snr_steps, steps_nearest

if TYPE_CHECKING:
    from torch import Tensor

    from napari_stem.model.diffusion import Denoise
    from napari_stem.model.samplers import Noise
    from napari_stem.model.steps import Step

LOG_SNR = Schedule(DiffusionConfig()).log_snr.numpy()
PLACES, WEIGHTS = np.polynomial.legendre.leggauss(16)
RHO = 7  # of Karras et al. 2022


def even_steps(schedule: Schedule, n: int) -> list[Step]:
    """Even in t, from T - 1 to T / n, as DDIM is often run."""
    t = np.arange(schedule.steps)
    return steps_nearest(schedule, t, t[-1] - np.arange(n) * len(t) / n)


def rho_steps(schedule: Schedule, n: int) -> list[Step]:
    """Even in a power of noise over signal (Karras et al. 2022, eq. 5)."""
    power = np.exp(-schedule.log_snr.numpy() / 2 / RHO)
    return steps_nearest(schedule, power, np.linspace(power[-1], power[0], n))


def steps_of_two(schedule: Schedule, n: int) -> list[Step]:
    """For n evaluations, two of each step but the last, even in log-SNR."""
    return log_snr_steps(schedule, (n + 1) // 2)


def heun(
    denoise: Denoise, x: Tensor, steps: Sequence[Step], noise: Noise, *, churn: float = 0.0
) -> Iterator[Tensor]:
    """Heun's method with stochastic churn (Karras et al. 2022, algorithm 2).

    Each step goes below the noise of the next one's start, and adds what is missing as new noise.
    """
    gamma = min(churn / len(steps), math.sqrt(2) - 1)
    for step in steps:
        sigma, x_start = _sigma(step.alpha_bar), denoise(x, step.t)
        if step.alpha_bar_next == 1:
            x = x_start
            yield x
            return
        wanted = -2 * math.log(_sigma(step.alpha_bar_next) / (1 + gamma))
        t = int(np.abs(LOG_SNR - wanted).argmin())
        below = float(1 / (1 + math.exp(-LOG_SNR[t])))
        unit = x / step.alpha_bar**0.5
        slope, h = (unit - x_start) / sigma, _sigma(below) - sigma
        there = unit + h * slope
        slope_there = (there - denoise(below**0.5 * there, t)) / _sigma(below)
        x = below**0.5 * (unit + h * (slope + slope_there) / 2)
        if step.alpha_bar_next < below:
            left = step.alpha_bar_next / below
            x = left**0.5 * x + (1 - left) ** 0.5 * noise(step)
        yield x


def multistep(
    denoise: Denoise, x: Tensor, steps: Sequence[Step], *, order: int = 3
) -> Iterator[Tensor]:
    """Exact flow if x_start is a polynomial in log-SNR through its last values.

    Its second order is nearly DPM-Solver++ 2M, its third nearly 3M (Lu et al. 2022).
    """
    known: list[tuple[float, Tensor]] = []
    for step in steps:
        start = -math.log(_sigma(step.alpha_bar))
        known = [(start, denoise(x, step.t)), *known][:order]
        if step.alpha_bar_next == 1:
            x = known[0][1]
        else:
            h = -math.log(_sigma(step.alpha_bar_next)) - start
            at = start + h * (PLACES + 1) / 2
            x = ((1 - step.alpha_bar_next) / (1 - step.alpha_bar)) ** 0.5 * x
            scale = (1 - step.alpha_bar_next) ** 0.5 * h / 2
            for i, (node, x_start) in enumerate(known):
                others = [other for j, (other, _) in enumerate(known) if j != i]
                part = np.prod([(at - other) / (node - other) for other in others], axis=0)
                x = x + scale * float((WEIGHTS * part * np.exp(at)).sum()) * x_start
        yield x


def _sigma(alpha_bar: float) -> float:
    """Noise over signal."""
    return math.sqrt((1 - alpha_bar) / alpha_bar)
