"""How a network is trained, as data: what a recipe records without loading a trainer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from napari_stem.errors import OptionError
from napari_stem.options import check_options, option, options_of, overrides

UNLIMITED = 10**9  # steps, if the time is limited


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How a network is trained; the defaults are the paper's (appendix C).

    Attributes
    ----------
    augmented
        Transformed views of a patch for each original one (paper, table 4: 1:4).
    ema
        Decay of the exponential moving average of the weights, with which the checkpoint
        predicts; it warms up over the first steps.
    warmup
        Steps over which the learning rate rises to its value.
    decay
        "cosine" lets the learning rate fall to zero at the last step, for short runs.
    clip
        Largest gradient norm.
    minutes
        Time limit of training. The number of steps then depends on the machine; a cosine learning
        rate falls with time instead of steps.
    """

    steps: int = option(
        250_000,
        "Steps",
        "Number of training steps.",
        minimum=1,
        maximum=UNLIMITED,
        step=100,
    )
    minutes: float | None = option(
        None,
        "Time",
        "Training stops after this time if its steps are not finished earlier.",
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
        "Step size of the optimiser (AdamW).",
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
        "Learning-rate schedule",
        "How the learning rate changes after the warm-up.",
        choices={"constant": "constant", "cosine": "falls to zero along a cosine"},
        advanced=True,
    )
    augmented: float = option(
        4.0,
        "Augmentation",
        "Flipped and rotated views of a patch per original patch.",
        unit="views",
        minimum=0,
        maximum=100,
        step=0.5,
        advanced=True,
    )
    weight_decay: float = option(
        0.0,
        "Weight decay",
        "Strength with which AdamW pulls weights towards zero.",
        minimum=0,
        maximum=1,
        step=0.001,
        advanced=True,
    )
    clip: float = option(
        1.0,
        "Gradient clipping",
        "Maximum norm of the gradient.",
        minimum=0.001,
        maximum=1_000_000,
        step=0.1,
        advanced=True,
    )
    ema: float = option(
        0.9999,
        "EMA decay",
        "Decay of the exponential moving average of the weights, which is used to "
        "predict; it warms up over the first steps.",
        minimum=0,
        maximum=0.999_999,
        step=0.001,
        advanced=True,
    )
    precision: Literal["32-true", "bf16-mixed"] = option(
        "32-true",
        "Precision",
        "Numerical precision of training; mixed precision is faster on GPUs with bfloat16, for "
        "large networks also on CPUs with it.",
        choices={"32-true": "float32", "bf16-mixed": "bfloat16 and float32"},
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
        """Finished share of the training, by steps or time."""
        share = step / self.steps
        return share if self.minutes is None else max(share, seconds / (60 * self.minutes))

    def rate(self, step: int, seconds: float = 0.0) -> float:
        """Learning rate at a step, that many seconds after the start."""
        rise = min(1.0, (step + 1) / (self.warmup + 1))
        if self.decay == "constant":
            return self.learning_rate * rise
        spent = min(1.0, self.spent(step, seconds))
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * spent))


def check_settings(values: Mapping[str, Any]) -> None:
    """Check training settings that replace others, by their names in `FitConfig`.

    Raises
    ------
    OptionError
        A name is unknown, or a value is outside its range or choices.
    """
    known = options_of(FitConfig)
    if unknown := sorted(set(values) - set(known)):
        raise OptionError(
            f"Unknown training settings: {', '.join(unknown)}; choose from {', '.join(known)}."
        )
    for name, value in values.items():
        if problem := known[name].problem(name, value):
            raise OptionError(problem)


FIT_OPTIONS = overrides(options_of(FitConfig), "the preset's")


def chosen_fit(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `values` choose of `FIT_OPTIONS`; a time without steps lifts the preset's limit."""
    chosen = {name: values[name] for name in FIT_OPTIONS if values.get(name) is not None}
    return {"steps": UNLIMITED, **chosen} if "minutes" in chosen else chosen
