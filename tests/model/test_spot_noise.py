from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from napari_stem.model.spot_noise import gene_noise, philox_4x32

CPU = torch.device("cpu")


def noise(positions, *, seed=0, draw=0, step=1000, n_genes=10):
    return gene_noise(seed, torch.as_tensor(positions).double(), draw, step, n_genes, CPU)


def grid(n):
    return torch.cartesian_prod(torch.arange(n), torch.arange(n)) * 100.0 + torch.tensor([30, 7])


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        (
            (0, 0, 0, 0),
            0,
            (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
        ),
        (
            (0xFFFFFFFF,) * 4,
            0xFFFFFFFF_FFFFFFFF,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0_A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, expected):
    # Known-answer vectors of the Random123 library for philox4x32-10.
    assert tuple(philox_4x32([torch.tensor(word) for word in counter], key).tolist()) == expected


def test_noise_of_a_spot_does_not_depend_on_its_batch():
    whole = noise(grid(8))
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))[:17]
    assert torch.equal(noise(grid(8)[order]), whole[order])


def test_noise_of_a_gene_does_not_depend_on_how_many_follow():
    assert torch.equal(noise(grid(3), n_genes=7), noise(grid(3), n_genes=300)[:, :7])


def test_noise_is_standard_normal():
    values = noise(grid(100), n_genes=20).double().numpy().ravel()
    # 200,000 independent values: five standard errors of each moment.
    error = 5 / np.sqrt(values.size)
    assert abs(values.mean()) < error
    assert abs(values.var() - 1) < error * np.sqrt(2)
    assert abs(stats.skew(values)) < error * np.sqrt(6)
    assert abs(stats.kurtosis(values)) < error * np.sqrt(24)
    assert stats.kstest(values, "norm").pvalue > 1e-3


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"seed": 1 << 32},
        {"draw": 2},
        {"step": 999},
        {"positions": grid(100) + torch.tensor([1 / 16, 0.0])},
        {"positions": grid(100).flip(1)},
        {"positions": -grid(100)},
    ],
    ids=["seed", "high seed", "draw", "step", "a sixteenth of a pixel", "x for y", "mirrored"],
)
def test_noise_of_another_key_is_independent(other):
    first, second = noise(grid(100)), noise(**{"positions": grid(100), **other})
    assert (first != second).float().mean() > 0.999
    correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(first.numel())  # five standard errors


def test_genes_and_neighbours_are_uncorrelated():
    values = noise(grid(100), n_genes=8).double()
    between = torch.corrcoef(values.T) - torch.eye(8)
    assert between.abs().max() < 5 / 100  # 10,000 spots
    neighbours = torch.corrcoef(torch.stack([values[:-1].ravel(), values[1:].ravel()]))[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(80_000)


def test_draws_come_in_antithetic_pairs():
    for draw in (0, 6):
        assert torch.equal(noise(grid(3), draw=draw), -noise(grid(3), draw=draw + 1))
    assert not torch.equal(noise(grid(3), draw=1).abs(), noise(grid(3), draw=2).abs())


def test_positions_left_of_and_above_the_slide_have_noise():
    assert noise([[-5.0, 3.0], [5.0, 3.0]]).isfinite().all()


def test_each_spot_may_have_a_draw_of_its_own():
    places = torch.tensor([[3.0, 4.0], [50.5, 6.25], [3.0, 4.0]], dtype=torch.float64)
    cpu = torch.device("cpu")
    mixed = gene_noise(7, places, torch.tensor([0, 3, 5]), 11, 6, cpu)
    for row, draw in enumerate((0, 3, 5)):
        assert torch.equal(mixed[row], gene_noise(7, places, draw, 11, 6, cpu)[row])
