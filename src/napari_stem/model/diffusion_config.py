"""The noise schedule and what a network predicts, as data: recipes hold it without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from napari_stem.errors import OptionError

Prediction = Literal["eps", "v"]


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
    temperature
        Factor of all random numbers of a draw: how far draws spread around what histology tells.
    """

    steps: int = 1000
    beta_min: float = 1e-4
    beta_max: float = 0.02
    prediction: Prediction = "eps"
    evaluations: int | None = None
    temperature: float = 1.0

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
        if not 0 < self.temperature < math.inf:
            raise OptionError(f"temperature is {self.temperature:g}; it must be positive.")
