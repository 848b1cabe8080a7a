"""Samplers: generators over (denoise, x, steps) from noise to values, and the table of all.

They yield the state after each step, so that whoever asks may stop between two; the last is the
result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor

    from napari_stem.model.diffusion import Denoise, Step

Noise: TypeAlias = "Callable[[Step], Tensor]"


def ddim(denoise: Denoise, x: Tensor, steps: Sequence[Step]) -> Iterator[Tensor]:
    """Deterministic DDIM (Song et al. 2021, eq. 12 with sigma = 0)."""
    for step in steps:
        x_start = denoise(x, step.t)
        eps = (x - step.alpha_bar**0.5 * x_start) / (1 - step.alpha_bar) ** 0.5
        x = step.alpha_bar_next**0.5 * x_start + (1 - step.alpha_bar_next) ** 0.5 * eps
        yield x


def dpm_solver_pp_2m(denoise: Denoise, x: Tensor, steps: Sequence[Step]) -> Iterator[Tensor]:
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
        yield x


def ancestral(denoise: Denoise, x: Tensor, steps: Sequence[Step], noise: Noise) -> Iterator[Tensor]:
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
        yield x


@dataclass(frozen=True, slots=True)
class Sampler:
    """One entry of the table of samplers.

    Attributes
    ----------
    label
        Display text.
    steps
        Evaluations of the network that keep the spread of the draws.
    solve
        From noise to values, step by step.
    stochastic
        Whether `solve` takes the noise of each step as a fourth argument.
    """

    name: str
    label: str
    steps: int
    solve: Callable[..., Iterator[Tensor]]
    stochastic: bool = False

    def __call__(
        self, denoise: Denoise, x: Tensor, steps: Sequence[Step], noise: Noise
    ) -> Iterator[Tensor]:
        """States (n, c) after each step from noise x (n, c); the last holds the values."""
        more = (noise,) if self.stochastic else ()
        return self.solve(denoise, x, steps, *more)


def _half_log_snr(alpha_bar: float) -> float:
    """Lambda of DPM-Solver: log(alpha / sigma)."""
    return math.inf if alpha_bar == 1 else 0.5 * math.log(alpha_bar / (1 - alpha_bar))


SAMPLERS: Mapping[str, Sampler] = {
    sampler.name: sampler
    for sampler in (
        Sampler("dpm++", "DPM-Solver++", 20, dpm_solver_pp_2m),
        Sampler("ddim", "DDIM", 100, ddim),
        Sampler("ancestral", "ancestral (paper)", 1000, ancestral, stochastic=True),
    )
}
