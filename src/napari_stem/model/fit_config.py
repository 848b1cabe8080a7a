"""How a network is trained, as data: what a recipe records without loading a trainer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How a network is trained; the defaults are the paper's (appendix C).

    Attributes
    ----------
    augmented
        Transformed views of a patch for each original one (paper, table 4: 1:4).
    ema
        Decay of the weight average that predicts; it warms up over the first steps.
    warmup
        Steps over which the learning rate rises to its value.
    decay
        "cosine" lets the learning rate fall to zero at the last step, for short runs.
    clip
        Largest gradient norm.
    minutes
        Training ends after so much time where its steps are not done earlier. How far it comes
        depends on the machine then; the learning rate falls with time as it would with steps.
    """

    steps: int = 250_000
    batch_size: int = 256
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    warmup: int = 0
    decay: Literal["constant", "cosine"] = "constant"
    clip: float = 1.0
    ema: float = 0.9999
    augmented: float = 4.0
    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    seed: int = 0
    minutes: float | None = None

    def spent(self, step: int, seconds: float = 0.0) -> float:
        """Share of the training that lies behind: of its steps or of its time."""
        share = step / self.steps
        return share if self.minutes is None else max(share, seconds / (60 * self.minutes))

    def rate(self, step: int, seconds: float = 0.0) -> float:
        """Learning rate at a step, that many seconds after the start."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        if self.decay == "constant":
            return self.learning_rate * rise
        spent = min(1.0, self.spent(step, seconds))
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * spent))
