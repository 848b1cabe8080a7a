"""What the numbers of a network become."""

from __future__ import annotations

import pytest
import torch

from napari_stem.errors import OptionError
from napari_stem.model.readout import Counts, as_they_are

N = 4000


def counts(depth: float) -> Counts:
    return Counts(
        base=torch.tensor([[0.5, 0.0], [0.0, -1.0]]),
        spread=torch.tensor([0.3, 0.2]),
        loadings=torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]]),
        bias=torch.tensor([1.0, 0.0, 3.0]),
        log_size=torch.tensor([2.0, 1.0, 0.0]),
        highest=torch.full((3,), 8.0),
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


def test_draws_of_another_depth_are_of_the_same_rates():
    x, condition = torch.zeros(N, 2), torch.ones(N, 2)
    learned, shallow = counts(20_000.0), counts(20_000.0).at_depth(650)
    assert (learned.molecules, shallow.molecules) == (20_000, 650)
    assert learned.at_depth(None) is learned
    per_10k = [each.values(x, condition, noise).expm1() for each in (learned, shallow)]
    torch.testing.assert_close(per_10k[1].mean(0), per_10k[0].mean(0), rtol=0.2, atol=0.1)
    assert (per_10k[1] == 0).sum() > 2 * (per_10k[0] == 0).sum()


@pytest.mark.parametrize("readout", [counts(0.0), as_they_are(3)], ids=["counts", "values"])
def test_what_learned_no_rates_has_no_other_depth(readout):
    with pytest.raises(OptionError, match="have the depth of its training"):
        readout.at_depth(650)


def test_rates_do_not_leave_those_of_the_training_spots():
    far = counts(0.0).log_rates(torch.tensor([[100.0, -100.0]]))
    torch.testing.assert_close(far, torch.tensor([[8.0, -100.0, 3.0]]))


def test_values_as_they_are_stay_so():
    x = torch.randn(5, 3)
    torch.testing.assert_close(as_they_are(3).values(x, torch.zeros(5, 1), noise), x)


def test_counts_are_those_of_the_same_noise_however_many_spots_there_are():
    x, condition = torch.randn(N, 2), torch.randn(N, 2)
    whole = counts(0.0).values(x, condition, noise)
    part = counts(0.0).values(x[7:9], condition[7:9], lambda: noise()[7:9])
    torch.testing.assert_close(part, whole[7:9])
