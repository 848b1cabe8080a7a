"""What the numbers of a network become."""

from __future__ import annotations

import pytest
import torch

from napari_stem.model.readout import Counts, as_they_are

N = 4000


def counts(depth: float) -> Counts:
    return Counts(
        base=torch.tensor([[0.5, 0.0], [0.0, -1.0]]),
        spread=torch.tensor([0.3, 0.2]),
        loadings=torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]),
        bias=torch.tensor([1.0, 0.0, 3.0]),
        log_size=torch.tensor([2.0, 1.0, 0.0]),
        depth=torch.tensor(depth),
    )


def noise() -> torch.Tensor:
    return torch.randn(N, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("depth", [0.0, 5000.0])
def test_counts_follow_from_the_histology_and_the_numbers(depth):
    x, condition = torch.tensor([[1.0, -2.0]]).expand(N, 2), torch.ones(N, 2)
    values = counts(depth).values(x, condition, noise)
    factors = torch.tensor([0.5 + 0.3, -1.0 - 0.4])
    rates = (torch.tensor([1.0, 0.0, 3.0]) + factors @ counts(depth).loadings).exp()
    drawn = values.exp() - 1 if depth else 2**values - 1
    scale = depth / 1e4 or 1.0
    torch.testing.assert_close(drawn.mean(0), rates, rtol=0.05, atol=0.02)
    torch.testing.assert_close((drawn * scale).round(), drawn * scale, atol=1e-3, rtol=1e-4)
    assert values.min() >= 0


def test_values_as_they_are_stay_so():
    x = torch.randn(5, 3)
    torch.testing.assert_close(as_they_are(3).values(x, torch.zeros(5, 1), noise), x)


def test_counts_are_those_of_the_same_noise_however_many_spots_there_are():
    x, condition = torch.randn(N, 2), torch.randn(N, 2)
    whole = counts(0.0).values(x, condition, noise)
    part = counts(0.0).values(x[7:9], condition[7:9], lambda: noise()[7:9])
    torch.testing.assert_close(part, whole[7:9])
