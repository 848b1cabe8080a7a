"""The steps of a draw: which of the trained timesteps it takes.

It imports no torch, nor does the table of samplers, which a window lists before torch is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.model.diffusion import Schedule


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
    log_snr = schedule.log_snr.numpy()
    return steps_nearest(schedule, log_snr, np.linspace(log_snr[-1], log_snr[0], n))


def angle_steps(schedule: Schedule, n: int) -> list[Step]:
    """`n` steps from t = T - 1 to no noise at all, evenly spaced in acos(sqrt(alpha_bar)).

    Draws of data of unit variance move at one speed along the angle, so that it suits values of
    about that spread. Every step starts at a trained timestep, none twice.
    """
    angle = np.arccos(np.sqrt(schedule.alpha_bar.numpy()))
    return steps_nearest(schedule, angle, angle[-1] * (1 - np.arange(n) / n))


def steps_nearest(
    schedule: Schedule, scale: NDArray[np.float64], wanted: NDArray[np.float64]
) -> list[Step]:
    """Steps from the timesteps whose values on a scale (T,) are nearest to those wanted (n,)."""
    n = len(wanted)
    nearest = np.abs(scale - wanted[:, None]).argmin(axis=1)[::-1]  # (n,) rising
    # Timesteps are sparse near t = 0: neighbours that fell together move apart.
    order = np.arange(n)
    t = np.maximum.accumulate(nearest - order) + order
    t = np.minimum(t, schedule.steps - n + order)[::-1]  # (n,) falling
    alpha_bar = [*schedule.alpha_bar.numpy()[t].tolist(), 1.0]
    return [Step(*step) for step in zip(t.tolist(), alpha_bar, alpha_bar[1:], strict=False)]
