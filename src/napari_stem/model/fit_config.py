"""How a network is trained, as data: what a recipe records without loading a trainer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from napari_stem.options import check_options, option

UNLIMITED = 10**9  # steps, where time is what is limited


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

    steps: int = option(
        250_000,
        "Steps",
        "Training ends after so many steps.",
        minimum=1,
        maximum=UNLIMITED,
        step=100,
    )
    minutes: float | None = option(
        None,
        "Time",
        "Training ends after so long, unless its steps are done earlier.",
        kind=float,
        unit="minutes",
        minimum=0.01,
        maximum=1_000_000,
        step=5,
        unset="no limit",
    )
    batch_size: int = option(
        256,
        "Batch size",
        "Spots per training step.",
        minimum=1,
        maximum=65_536,
        advanced=True,
    )
    learning_rate: float = option(
        1e-4,
        "Learning rate",
        "How far a step moves the weights.",
        minimum=1e-6,
        maximum=1,
        step=1e-4,
        advanced=True,
    )
    warmup: int = option(
        0,
        "Warm-up",
        "Steps over which the learning rate rises to its value.",
        unit="steps",
        minimum=0,
        maximum=UNLIMITED,
        step=10,
        advanced=True,
    )
    decay: Literal["constant", "cosine"] = option(
        "constant",
        "Rate decay",
        "Of the learning rate after the warm-up.",
        choices={"constant": "constant", "cosine": "cosine, to zero"},
        advanced=True,
    )
    augmented: float = option(
        4.0,
        "Augmentation",
        "Flipped and turned views of a patch for each original one.",
        unit="views",
        minimum=0,
        maximum=100,
        step=0.5,
        advanced=True,
    )
    weight_decay: float = option(
        0.0,
        "Weight decay",
        "How strongly AdamW pulls weights to zero.",
        minimum=0,
        maximum=1,
        step=0.001,
        advanced=True,
    )
    clip: float = option(
        1.0,
        "Gradient clipping",
        "Largest norm of the gradient.",
        minimum=0.001,
        maximum=1_000_000,
        step=0.1,
        advanced=True,
    )
    ema: float = option(
        0.9999,
        "Weight average",
        "Decay of the weight average (EMA) that predicts; it warms up over the first steps.",
        minimum=0,
        maximum=0.999_999,
        step=0.001,
        advanced=True,
    )
    precision: Literal["32-true", "bf16-mixed"] = option(
        "32-true",
        "Precision",
        "Of the network's arithmetic; mixed is faster on GPUs that have bfloat16.",
        choices={"32-true": "float32", "bf16-mixed": "mixed bfloat16"},
        advanced=True,
    )
    seed: int = option(
        0,
        "Seed",
        "The same seed gives the same weights on the same machine.",
        minimum=0,
        maximum=2**32 - 1,
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

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
