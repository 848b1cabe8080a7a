"""Samplers: generators over (denoise, x, steps) from noise to values, and the table of all.

They yield the state after each step, so that whoever asks may stop between two; the last is the
result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_stem.model.steps import angle_steps, log_snr_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_stem.model.diffusion import Denoise, Schedule
    from napari_stem.model.diffusion_config import Prediction
    from napari_stem.model.steps import Step

Noise: TypeAlias = "Callable[[Step], Tensor]"
Known: TypeAlias = "tuple[float, Tensor]"  # alpha_bar, x_start there

_PLACES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # of a quadrature


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


def predictor_corrector(denoise: Denoise, x: Tensor, steps: Sequence[Step]) -> Iterator[Tensor]:
    """Multistep solver that takes x_start for a polynomial in alpha_bar along the way of a draw.

    Of Gaussian data it is nearly one, whatever their variance. Each evaluation serves twice: it
    corrects the step that led to it, with a polynomial of second degree, and predicts the next
    one with a line, which the last step extrapolates to no noise. Predictor and corrector are
    after UniPC (Zhao et al. 2023), whose polynomials are in the log-SNR.

    For networks that predict v: of one that predicts eps, x_start is uncertain where noise is
    strongest, and the first step is long.
    """
    known: list[Known] = []  # x_start at alpha_bar, the newest first
    before, left = x, 0.0
    for step in steps:
        known = [(step.alpha_bar, denoise(x, step.t)), *known][:3]
        if len(known) > 1:
            x = _move(before, left, step.alpha_bar, known)
        before, left = x, step.alpha_bar
        x = _move(x, step.alpha_bar, step.alpha_bar_next, known[:2])
        yield x


def _move(x: Tensor, alpha_bar: float, alpha_bar_next: float, known: Sequence[Known]) -> Tensor:
    """Exact flow between two noise levels if x_start is the polynomial through the known values.

    x / sigma then grows by the integral of x_start over q = signal / sigma.
    """
    nodes = np.array([at for at, _ in known])
    start, end = _signal_to_noise(alpha_bar), _signal_to_noise(alpha_bar_next)
    sigma_ratio = ((1 - alpha_bar_next) / (1 - alpha_bar)) ** 0.5
    if end == math.inf:
        weights = _lagrange(nodes, np.ones(1))[:, 0]
    else:
        q = (start + end) / 2 + (end - start) / 2 * _PLACES
        mean = _lagrange(nodes, q**2 / (1 + q**2)) @ _WEIGHTS / 2
        weights = mean * (end - start) * (1 - alpha_bar_next) ** 0.5
    x = sigma_ratio * x
    for weight, (_, x_start) in zip(weights.tolist(), known, strict=True):
        x = x + weight * x_start
    return x


def _lagrange(nodes: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, p) the polynomials that are one at one of k nodes and zero at the others, at p places."""
    values = np.ones((len(nodes), len(at)))
    for i, j in permutations(range(len(nodes)), 2):
        values[i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return values


def _signal_to_noise(alpha_bar: float) -> float:
    return math.inf if alpha_bar == 1 else math.sqrt(alpha_bar / (1 - alpha_bar))


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
    spacing
        Where so many steps lie on a schedule.
    stochastic
        Whether `solve` takes the noise of each step as a fourth argument.
    """

    name: str
    label: str
    steps: int
    solve: Callable[..., Iterator[Tensor]]
    spacing: Callable[[Schedule, int], list[Step]] = log_snr_steps
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
        Sampler("pc", "predictor-corrector", 8, predictor_corrector, angle_steps),
        Sampler("dpm++", "DPM-Solver++", 20, dpm_solver_pp_2m),
        Sampler("ddim", "DDIM", 100, ddim),
        Sampler("ancestral", "ancestral (paper)", 1000, ancestral, stochastic=True),
    )
}

SUITED: Mapping[Prediction, str] = {"v": "pc", "eps": "dpm++"}
"""The sampler with the fewest evaluations that keep every metric, by what a network predicts."""

FEW_STEPS = replace(SAMPLERS["ddim"], spacing=angle_steps)
"""The sampler of distilled networks, whose steps are those that they were distilled to."""
