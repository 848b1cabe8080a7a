from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_stem.errors import OptionError
from napari_stem.model.diffusion import (
    DiffusionConfig,
    Schedule,
    denoiser,
    diffusion_loss,
    random_diffusion,
)
from napari_stem.model.network import NetworkConfig, StemNetwork

SCHEDULE = Schedule(DiffusionConfig())
V = Schedule(DiffusionConfig(prediction="v"))


class Answers(nn.Module):
    """A network that gives a prepared answer and remembers what it was asked."""

    def __init__(self, answer: Tensor) -> None:
        super().__init__()
        self.answer = nn.Parameter(answer)

    def forward(self, x_t: Tensor, t: Tensor, condition: Tensor, *check: object) -> Tensor:
        self.asked = x_t, t, condition
        return self.answer


def test_alpha_bar_is_the_product_of_one_minus_linear_betas():
    product, expected = 1.0, []
    for t in range(1000):
        product *= 1 - (1e-4 + t / 999 * (0.02 - 1e-4))
        expected.append(product)
    np.testing.assert_allclose(SCHEDULE.alpha_bar, expected, rtol=1e-12)  # 1000 roundings


def test_alpha_bar_follows_the_closed_form_of_its_logarithm():
    # log alpha_bar = sum of log(1 - beta) = -sum of beta - half the sum of its squares - ...,
    # and the sums of an arithmetic series and of its squares are known.
    low, high, n = 1e-4, 0.02, 1000
    first = n * (low + high) / 2
    second = n * (low * high + (high - low) ** 2 * (2 * n - 1) / (6 * (n - 1)))
    # beta**3 / 3 sums to at most n * high**3 / 12 in size, whatever follows is smaller.
    assert SCHEDULE.alpha_bar[-1].log().item() == pytest.approx(-first - second / 2, abs=1e-3)
    assert SCHEDULE.alpha_bar[0].item() == pytest.approx(1 - low, abs=1e-15)


def test_log_snr_falls_at_every_step():
    assert (SCHEDULE.log_snr.diff() < 0).all()
    snr = SCHEDULE.alpha_bar / (1 - SCHEDULE.alpha_bar)
    torch.testing.assert_close(SCHEDULE.log_snr.exp(), snr, rtol=1e-10, atol=0)


@pytest.mark.parametrize("schedule", [SCHEDULE, V], ids=["eps", "v"])
def test_loss_is_the_mean_squared_error_of_the_prediction(schedule):
    random = torch.Generator().manual_seed(0)
    x_start, noise, answer = torch.randn(3, 5, 4, generator=random).double()
    t = torch.tensor([0, 10, 500, 900, 999])
    network = Answers(answer)

    loss = diffusion_loss(network, x_start, torch.zeros(5, 1), schedule, t=t, noise=noise)

    errors = []
    for i in range(5):
        a = sqrt(schedule.alpha_bar[t[i]])
        b = sqrt(1 - schedule.alpha_bar[t[i]])
        torch.testing.assert_close(network.asked[0][i], a * x_start[i] + b * noise[i])
        target = noise[i] if schedule is SCHEDULE else a * noise[i] - b * x_start[i]
        errors.append(((answer[i] - target) ** 2).mean().item())
    assert loss.item() == pytest.approx(sum(errors) / 5, rel=1e-12)


def test_loss_ignores_outputs_for_the_variance():
    random = torch.Generator().manual_seed(0)
    x_start, noise = torch.randn(2, 5, 4, generator=random)
    answer = torch.cat([noise, torch.full((5, 4), 7.0)], dim=1)
    t = torch.arange(5)
    condition = torch.zeros(5, 1)
    assert diffusion_loss(Answers(answer), x_start, condition, SCHEDULE, t=t, noise=noise) == 0


def test_loss_draws_every_timestep_and_fresh_noise_from_its_generator():
    x_start, condition = torch.zeros(20_000, 1), torch.zeros(20_000, 1)
    network = Answers(torch.zeros(20_000, 1))
    random = torch.Generator().manual_seed(0)

    def loss(random: torch.Generator) -> torch.Tensor:
        t, noise = random_diffusion(x_start, SCHEDULE, random)
        return diffusion_loss(network, x_start, condition, SCHEDULE, t=t, noise=noise)

    first = loss(random)
    seen = network.asked[1].unique()
    second = loss(random)
    repeated = loss(torch.Generator().manual_seed(0))

    assert seen.tolist() == list(range(1000))  # missed with probability 1000 exp(-20)
    assert first.item() == pytest.approx(1, abs=0.05)  # 5 standard errors, sqrt(2 / 20,000)
    assert first != second
    assert first == repeated


@pytest.mark.parametrize("schedule", [SCHEDULE, V], ids=["eps", "v"])
@pytest.mark.parametrize("t", [0, 400, 999])
def test_denoiser_undoes_the_forward_process_when_the_prediction_is_right(schedule, t):
    random = torch.Generator().manual_seed(0)
    x_start, eps = torch.randn(2, 6, 4, generator=random, dtype=torch.float64)
    a, b = sqrt(schedule.alpha_bar[t]), sqrt(1 - schedule.alpha_bar[t])
    truth = eps if schedule is SCHEDULE else a * eps - b * x_start
    network = Answers(torch.cat([truth, torch.full_like(truth, torch.nan)], dim=1))

    denoise = denoiser(network, torch.zeros(6, 1), schedule)
    found = denoise(a * x_start + b * eps, t)

    assert network.asked[1].tolist() == [t]  # the same for all spots
    assert not found.requires_grad
    # Division by sqrt(alpha_bar), 0.006 at the end, magnifies the rounding.
    torch.testing.assert_close(found, x_start, rtol=0, atol=1e-12)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_denoiser_keeps_the_state_s_precision_and_the_network_its_own(precision):
    config = NetworkConfig(n_genes=4, condition_width=3, width=8, depth=1, heads=2)
    network = StemNetwork(config).to(precision)
    x_t = torch.randn(5, 4, dtype=torch.float64)
    found = denoiser(network, torch.randn(5, 3), SCHEDULE)(x_t, 0)
    # A new network predicts no noise at all, so that x_start is x_t unshrunk, to the last digit.
    torch.testing.assert_close(found, x_t / sqrt(SCHEDULE.alpha_bar[0]), rtol=1e-15, atol=0)


@pytest.mark.parametrize("change", [{"steps": 0}, {"beta_min": 0.5}, {"prediction": "x"}])
def test_impossible_settings_are_refused(change):
    with pytest.raises(OptionError):
        DiffusionConfig(**change)
