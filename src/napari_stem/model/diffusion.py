"""The noise schedule, the training loss, and the adapter to `denoise`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_stem.events import Check, go_on
from napari_stem.model.compiling import compiling
from napari_stem.model.diffusion_config import DiffusionConfig

Denoise: TypeAlias = Callable[[Tensor, int], Tensor]
"""(x_t (n, c), t) -> x_start (n, c): all that a sampler knows of a network."""


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
        self._copies: dict[tuple[torch.dtype, torch.device], Tensor] = {}

    @property
    def steps(self) -> int:
        """T, number of trained timesteps."""
        return self.config.steps

    def alpha_bar_like(self, x: Tensor) -> Tensor:
        """`alpha_bar` in the precision and on the device of x; copied there once."""
        key = x.dtype, x.device
        if key not in self._copies:
            self._copies[key] = self.alpha_bar.to(x.dtype).to(x.device)
        return self._copies[key]


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
    check: Check = go_on,
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
    alpha_bar = schedule.alpha_bar_like(x_start)[t, None]  # (n, 1)
    signal, sigma = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    x_t = signal * x_start + sigma * noise
    target = noise if schedule.config.prediction == "eps" else signal * noise - sigma * x_start
    with compiling():
        output = network(x_t, t, condition, check)[:, :c]
    return F.mse_loss(output.to(target.dtype), target)


def denoiser(
    network: nn.Module,
    condition: Tensor,
    schedule: Schedule,
    check: Check = go_on,
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
        with compiling(), torch.autocast(x_t.device.type, torch.bfloat16, enabled=bfloat16):
            output: Tensor = network(x_t.to(dtype), time, condition, check)
        output = output[:, : x_t.shape[1]].to(x_t.dtype)
        if schedule.config.prediction == "eps":
            return (x_t - sigma * output) / signal
        return signal * x_t - sigma * output

    return denoise
