"""The noise schedule and its steps, the training loss, and the adapter to `denoise`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_stem.errors import OptionError
from napari_stem.model.network import go_on

Prediction = Literal["eps", "v"]

Denoise: TypeAlias = Callable[[Tensor, int], Tensor]
"""(x_t (n, c), t) -> x_start (n, c): all that a sampler knows of a network."""


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """The noise schedule and what the network predicts; the defaults are the paper's.

    Attributes
    ----------
    prediction
        "eps": the noise. "v": sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_start (Salimans and Ho
        2022), which trains faster where data are few.
    evaluations
        Of a network that was distilled: how many make a draw. None for any other.
    """

    steps: int = 1000
    beta_min: float = 1e-4
    beta_max: float = 0.02
    prediction: Prediction = "eps"
    evaluations: int | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise OptionError(f"steps is {self.steps}; it must be at least 1.")
        if not 0 < self.beta_min <= self.beta_max < 1:
            raise OptionError(
                f"beta_min is {self.beta_min} and beta_max {self.beta_max}; both must lie between "
                "0 and 1, and beta_max may not be the lower one."
            )
        if self.prediction not in get_args(Prediction):
            raise OptionError(f"prediction '{self.prediction}' is unknown; choose eps or v.")
        if self.evaluations is not None and not 1 <= self.evaluations <= self.steps:
            raise OptionError(
                f"evaluations is {self.evaluations}; it must be between 1 and {self.steps:,}."
            )


class Schedule:
    """q(x_t | x_start) = N(sqrt(alpha_bar_t) x_start, (1 - alpha_bar_t) I), beta linear in t.

    Attributes
    ----------
    alpha_bar
        (T,) float64, share of the signal's variance left at t = 0 to T - 1.
    log_snr
        (T,) float64, log(alpha_bar / (1 - alpha_bar)).
    """

    def __init__(self, config: DiffusionConfig) -> None:
        self.config = config
        beta = torch.linspace(config.beta_min, config.beta_max, config.steps, dtype=torch.float64)
        self.alpha_bar = torch.cumprod(1 - beta, dim=0)
        self.log_snr = torch.logit(self.alpha_bar)

    @property
    def steps(self) -> int:
        """T, number of trained timesteps."""
        return self.config.steps


@dataclass(frozen=True, slots=True)
class Step:
    """From time `t`, where the signal's variance is `alpha_bar`, to `alpha_bar_next`."""

    t: int
    alpha_bar: float
    alpha_bar_next: float


def log_snr_steps(schedule: Schedule, n: int) -> list[Step]:
    """`n` steps from t = T - 1 to t = 0 and to no noise at all, evenly spaced in log-SNR.

    Even spacing in t distorts the spread of the draws but not their mean. Every step starts at a
    trained timestep, none twice: `n` = T uses all of them.
    """
    noisiest, cleanest = schedule.log_snr[[-1, 0]].tolist()
    even = torch.linspace(noisiest, cleanest, n, dtype=torch.float64)
    return _steps_nearest(schedule, schedule.log_snr, even)


def angle_steps(schedule: Schedule, n: int) -> list[Step]:
    """`n` steps from t = T - 1 to no noise at all, evenly spaced in acos(sqrt(alpha_bar)).

    Draws of data of unit variance move at one speed along the angle, so that it suits values of
    about that spread. Every step starts at a trained timestep, none twice.
    """
    angle = schedule.alpha_bar.sqrt().acos()
    return _steps_nearest(schedule, angle, angle[-1] * (1 - torch.arange(n) / n))


def _steps_nearest(schedule: Schedule, scale: Tensor, wanted: Tensor) -> list[Step]:
    """Steps from the timesteps whose values on a scale (T,) are nearest to those wanted (n,)."""
    n = len(wanted)
    nearest = (scale - wanted[:, None]).abs().argmin(dim=1).flip(0)  # (n,) rising
    # Timesteps are sparse near t = 0: neighbours that fell together move apart.
    order = torch.arange(n)
    t = torch.cummax(nearest - order, dim=0).values + order
    t = torch.minimum(t, schedule.steps - n + order).flip(0)  # (n,) falling
    alpha_bar = [*schedule.alpha_bar[t].tolist(), 1.0]
    return [Step(*step) for step in zip(t.tolist(), alpha_bar, alpha_bar[1:], strict=False)]


def random_diffusion(
    x_start: Tensor, schedule: Schedule, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Uniform timesteps (n,) and standard normal noise (n, c) for values (n, c)."""
    where: dict[str, Any] = {"device": x_start.device, "generator": generator}
    t = torch.randint(schedule.steps, (len(x_start),), **where)
    return t, torch.randn(x_start.shape, dtype=x_start.dtype, **where)


def diffusion_loss(
    network: Callable[..., Tensor],
    x_start: Tensor,
    condition: Tensor,
    schedule: Schedule,
    *,
    t: Tensor,
    noise: Tensor,
    check: Callable[[], None] = go_on,
) -> Tensor:
    """Mean squared error of the network's prediction (paper, eq. 4).

    Parameters
    ----------
    x_start
        (n, c) values.
    condition
        (n, S) histology of their spots.
    t, noise
        As of `random_diffusion`.
    check
        Called between the layers of the network; what it raises ends the evaluation.
    """
    c = x_start.shape[1]
    alpha_bar = schedule.alpha_bar.to(x_start.dtype).to(x_start.device)[t, None]  # (n, 1)
    signal, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    x_t = signal * x_start + sigma * noise
    target = noise if schedule.config.prediction == "eps" else signal * noise - sigma * x_start
    return F.mse_loss(network(x_t, t, condition, check)[:, :c].to(target.dtype), target)


def denoiser(
    network: nn.Module,
    condition: Tensor,
    schedule: Schedule,
    check: Callable[[], None] = go_on,
    *,
    bfloat16: bool = False,
) -> Denoise:
    """Turn a network that predicts eps or v into one that predicts x_start.

    Parameters
    ----------
    condition
        (m, S) histology of the spots, on the network's device.
    check
        Called between the layers of the network; what it raises ends an evaluation.
    bfloat16
        Whether matrix products are computed in bfloat16.

    Returns
    -------
    (x_t, t) -> x_start in the precision of x_t (n, c), which holds the n / m draws of each spot one
    after the other; the network runs in its own.
    """
    dtype = next(network.parameters()).dtype
    condition = condition.to(dtype)

    @torch.no_grad()
    def denoise(x_t: Tensor, t: int) -> Tensor:
        alpha_bar = float(schedule.alpha_bar[t])
        signal, sigma = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        time = torch.tensor([t], device=x_t.device)
        with torch.autocast(x_t.device.type, torch.bfloat16, enabled=bfloat16):
            output: Tensor = network(x_t.to(dtype), time, condition, check)
        output = output[:, : x_t.shape[1]].to(x_t.dtype)
        if schedule.config.prediction == "eps":
            return (x_t - sigma * output) / signal
        return signal * x_t - sigma * output

    return denoise
