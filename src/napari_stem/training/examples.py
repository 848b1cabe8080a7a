"""What a network learns from: values beside the conditions of their spots, in random batches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from napari_stem.model.fit_config import FitConfig


@dataclass(frozen=True, slots=True)
class Examples:
    """Paired values and conditions.

    Attributes
    ----------
    x_start
        (n, c) values to learn.
    condition
        (n, v, S) one vector for each view of a patch, the original first. Where it is larger than
        memory, it is not on the device.
    noise
        (S,) standard deviation of the noise that training adds to the condition, against
        overfitting to a few hundred spots; zeros in the paper.
    spread
        (n, c) standard deviation of the values, where counts tell them only within limits.
    """

    x_start: Tensor
    condition: Tensor
    noise: Tensor
    spread: Tensor | None = None


def random_batch(
    examples: Examples, config: FitConfig, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Random spots in random views: the original with probability 1 / (`augmented` + 1)."""
    n, views, width = examples.condition.shape
    where: dict[str, Any] = {"device": random.device, "generator": random}
    rows = torch.randint(n, (config.batch_size,), **where)
    original = torch.rand(config.batch_size, **where) * (config.augmented + 1) < 1
    view = torch.randint(1, max(views, 2), (config.batch_size,), **where) % views
    condition = conditions_of(examples, rows, torch.where(original, 0, view))
    condition = condition + examples.noise * torch.randn(config.batch_size, width, **where)
    return likely_values(examples, rows, random), condition


def conditions_of(examples: Examples, rows: Tensor, view: Tensor | int) -> Tensor:
    """(b, S) conditions of these spots in one view of each, on the device of `rows`."""
    where = examples.condition.device
    view = view if isinstance(view, int) else view.to(where)
    return examples.condition[rows.to(where), view].to(rows.device)


def likely_values(examples: Examples, rows: Tensor, random: torch.Generator) -> Tensor:
    """(b, c) values of these spots, other ones at each call where they are not known exactly."""
    x_start = examples.x_start[rows]
    if examples.spread is None:
        return x_start
    noise = torch.randn(x_start.shape, device=x_start.device, generator=random)
    return x_start + examples.spread[rows] * noise
