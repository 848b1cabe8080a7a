from __future__ import annotations

import math
from collections import deque
from functools import cache, partial

import diffusers
import numpy as np
import pytest
import torch
from scipy import optimize, stats

from napari_stem.model.diffusion import Schedule
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.samplers import ancestral, ddim, dpm_solver_pp_2m, predictor_corrector
from napari_stem.model.steps import Step, angle_steps, log_snr_steps

SCHEDULE = Schedule(DiffusionConfig())
ALL = log_snr_steps(SCHEDULE, 1000)


def end_of(states):
    """The last state of a sampler."""
    return deque(states, maxlen=1).pop()


def normals(seed):
    """Noise for `ancestral`: fresh normals at every step, in the order of the steps."""
    random = torch.Generator().manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=random, dtype=torch.float64)


# Steps


@pytest.mark.parametrize("n", [1, 2, 8, 100, 1000])
def test_steps_even_in_the_angle_start_at_the_noisiest_timestep_and_repeat_none(n):
    steps = angle_steps(SCHEDULE, n)
    times = [step.t for step in steps]
    assert len(steps) == n
    assert times == sorted(set(times), reverse=True)
    assert times[0] == 999
    angles = np.array([math.acos(math.sqrt(step.alpha_bar)) for step in steps])
    if n == 8:
        assert np.abs(np.diff(angles) + angles[0] / 8).max() < 0.01
    assert steps[-1].alpha_bar_next == 1


@pytest.mark.parametrize("n", [1, 2, 10, 20, 25, 100, 300, 999, 1000])
def test_steps_go_from_the_noisiest_timestep_to_no_noise_and_repeat_none(n):
    steps = log_snr_steps(SCHEDULE, n)
    times = [step.t for step in steps]
    assert len(steps) == n
    assert times == sorted(set(times), reverse=True)
    assert times[0] == 999
    assert times[-1] == (0 if n > 1 else 999)
    assert [step.alpha_bar for step in steps] == SCHEDULE.alpha_bar[times].tolist()
    assert [step.alpha_bar_next for step in steps] == [s.alpha_bar for s in steps[1:]] + [1.0]


def test_as_many_steps_as_timesteps_take_them_all():
    assert [step.t for step in ALL] == list(range(999, -1, -1))


def test_steps_are_even_in_log_snr_up_to_the_trained_timesteps():
    steps = log_snr_steps(SCHEDULE, 20)
    found = np.array([math.log(s.alpha_bar / (1 - s.alpha_bar)) for s in steps])
    even = np.linspace(found[0], found[-1], 20)
    neighbours = -SCHEDULE.log_snr.diff()
    # Snapping moves a step by at most half the distance between two timesteps there.
    assert (np.abs(found - even) <= neighbours[[min(s.t, 998) for s in steps]].numpy()).all()


# Gaussian data: the ideal denoiser is linear, so each sampler multiplies the start by a number.


def gaussian_denoiser(variance):
    def denoise(x, t):
        a = float(SCHEDULE.alpha_bar[t])
        return math.sqrt(a) * variance / (a * variance + 1 - a) * x

    return denoise


def spread(sampler, variance, steps):
    """Variance of the draws over the true one; the start has variance one."""
    states = sampler(gaussian_denoiser(variance), torch.ones(1, 1).double(), steps)
    return end_of(states).item() ** 2 / variance


@pytest.mark.parametrize("variance", [1.0, 0.25, 0.04])
def test_ddim_multiplies_by_its_linear_recursion(variance):
    steps = log_snr_steps(SCHEDULE, 20)
    factor = 1.0
    for step in steps:
        a, b = step.alpha_bar, step.alpha_bar_next
        # x_start and eps of the posterior mean of a Gaussian, each a multiple of x.
        x_start = math.sqrt(a) * variance / (a * variance + 1 - a)
        eps = math.sqrt(1 - a) / (a * variance + 1 - a)
        factor *= math.sqrt(b) * x_start + math.sqrt(1 - b) * eps
    assert spread(ddim, variance, steps) == pytest.approx(factor**2 / variance, rel=1e-10)


@pytest.mark.parametrize("variance", [1.0, 0.25, 0.04])
def test_dpm_solver_multiplies_by_its_linear_recursion(variance):
    steps = log_snr_steps(SCHEDULE, 12)
    xs, x_starts, lambdas = [1.0], [], []
    for i, step in enumerate(steps):
        a, b = step.alpha_bar, step.alpha_bar_next
        lambdas.append(math.log(math.sqrt(a) / math.sqrt(1 - a)))
        x_starts.append(math.sqrt(a) * variance / (a * variance + 1 - a) * xs[-1])
        if i == len(steps) - 1:
            xs.append(x_starts[-1])  # at infinite log-SNR all that is left is x_start
            continue
        h = math.log(math.sqrt(b) / math.sqrt(1 - b)) - lambdas[-1]
        d = x_starts[-1]
        if i > 0:
            r = (lambdas[-1] - lambdas[-2]) / h
            d = (1 + 1 / (2 * r)) * x_starts[-1] - 1 / (2 * r) * x_starts[-2]
        ratio = math.sqrt((1 - b) / (1 - a))
        xs.append(ratio * xs[-1] - math.sqrt(b) * (math.exp(-h) - 1) * d)
    found = spread(dpm_solver_pp_2m, variance, steps)
    assert found == pytest.approx(xs[-1] ** 2 / variance, rel=1e-10)


@pytest.mark.parametrize("variance", [1.0, 0.25, 0.04])
def test_dpm_solver_keeps_the_spread_within_few_steps(variance):
    # Second order: from 10 to 20 to 40 steps the error falls about fourfold. The flow's exact
    # end from a start of variance one has 1 / (1 - alpha_bar_T (1 - variance)) = 1.0000.
    errors = [
        abs(spread(dpm_solver_pp_2m, variance, log_snr_steps(SCHEDULE, n)) - 1) for n in (10, 20)
    ]
    assert errors[0] < 0.08
    assert errors[1] < 0.035
    # Even spacing in t, the usual choice, is what bends it.
    times = np.linspace(999, 0, 20).round().astype(int)
    alpha_bar = [*SCHEDULE.alpha_bar[times].tolist(), 1.0]
    even_in_t = [Step(*step) for step in zip(times, alpha_bar, alpha_bar[1:], strict=False)]
    assert abs(spread(dpm_solver_pp_2m, variance, even_in_t) - 1) > 3 * errors[1]


def test_the_predictor_corrector_is_exact_where_x_start_is_a_line_in_alpha_bar():
    """x / sigma grows by the integral of a + b alpha_bar over q = cot(angle), in closed form."""
    steps = angle_steps(SCHEDULE, 8)
    a, b = 0.7, -1.9

    def line(x, t):
        return torch.full_like(x, a + b * float(SCHEDULE.alpha_bar[t]))

    start = torch.tensor([[1.3]], dtype=torch.float64)
    states = list(predictor_corrector(line, start, steps))
    first = math.acos(math.sqrt(steps[0].alpha_bar))
    for step, x in zip(steps[1:], states[1:-1], strict=False):
        angle = math.acos(math.sqrt(step.alpha_bar_next))
        grown = (a + b) * (1 / math.tan(angle) - 1 / math.tan(first)) - b * (first - angle)
        assert x.item() == pytest.approx(
            math.sin(angle) * (1.3 / math.sin(first) + grown), abs=1e-6
        )
    assert states[-1].item() == pytest.approx(a + b, abs=1e-6)


@pytest.mark.parametrize("variance", [4.0, 1.0, 0.5])
def test_the_predictor_corrector_keeps_the_spread_within_eight_steps(variance):
    errors = [
        abs(spread(predictor_corrector, variance, angle_steps(SCHEDULE, n)) - 1)
        for n in (8, 16, 32)
    ]
    assert errors[0] < 0.07
    assert errors[1] < errors[0] / 2
    assert errors[2] < errors[1] / 2


@pytest.mark.parametrize("variance", [1.0, 0.25, 0.04])
def test_ddim_approaches_the_true_spread_with_more_steps(variance):
    errors = [abs(spread(ddim, variance, log_snr_steps(SCHEDULE, n)) - 1) for n in (25, 100, 400)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.03


@pytest.mark.parametrize("variance", [1.0, 0.25, 0.04])
def test_ancestral_adds_up_the_variance_of_the_posterior(variance):
    """q(x_{t-1} | x_t, x_start) of Bayes' rule on precisions, instead of the paper's formula."""
    expected = 1.0
    for step in ALL[:-1]:
        a, b = step.alpha_bar, step.alpha_bar_next
        alpha = a / b
        precision = 1 / (1 - b) + alpha / (1 - alpha)
        to_x_start = math.sqrt(b) / (1 - b) / precision
        to_x = math.sqrt(alpha) / (1 - alpha) / precision
        x_start = math.sqrt(a) * variance / (a * variance + 1 - a)
        expected = (to_x_start * x_start + to_x) ** 2 * expected + 1 / precision
    a = ALL[-1].alpha_bar
    expected *= (math.sqrt(a) * variance / (a * variance + 1 - a)) ** 2

    # A linear sampler's variance is the sum of squares of its answers to one unit at a time.
    units = torch.eye(1001, dtype=torch.float64)
    found = end_of(
        ancestral(gaussian_denoiser(variance), units[:, 1000:], ALL, lambda s: units[:, [s.t]])
    )

    assert (found**2).sum().item() == pytest.approx(expected, rel=1e-9)
    # The posterior's variance is the lower one of Ho et al., a little too small for any width.
    assert 0.96 * variance < expected < variance


def test_ancestral_s_mean_is_the_paper_s():
    """mu = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t)."""
    random = torch.Generator().manual_seed(0)
    x, x_start = torch.randn(2, 5, 3, generator=random, dtype=torch.float64)
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    for t in (1, 10, 500, 999):
        step = ALL[999 - t]
        a = step.alpha_bar
        eps = (x - math.sqrt(a) * x_start) / math.sqrt(1 - a)
        mu = (x - betas[t] / math.sqrt(1 - a) * eps) / torch.sqrt(1 - betas[t])
        (quiet,) = ancestral(lambda x, t: x_start, x, [step], lambda step: torch.zeros(5, 3))
        torch.testing.assert_close(quiet, mu, rtol=1e-9, atol=1e-9)


# Gaussian mixtures: three genes whose law depends on the condition of the spot.

WEIGHTS = torch.tensor([[0.5, 0.3, 0.9], [0.5, 0.7, 0.1]]).double()  # (components, genes)
CENTRES = torch.tensor([[-1.0, -0.5, 0.0], [1.0, 0.8, 2.0]]).double()
WIDTHS = torch.tensor([[0.3, 0.5, 0.4], [0.3, 0.2, 0.6]]).double()
SHIFT = torch.tensor([0.7, -0.4, 1.5]).double()  # of the centres, where the condition is one
N = 8000


def mixture_denoiser(condition):
    """Posterior mean of x_start; `condition` is (n, 1)."""
    centres = CENTRES[:, None] + condition * SHIFT  # (components, n, genes)

    def denoise(x, t):
        a = SCHEDULE.alpha_bar[t]
        variance = (a * WIDTHS**2 + 1 - a)[:, None]
        away = x - a.sqrt() * centres
        evidence = WEIGHTS.log()[:, None] - 0.5 * (away**2 / variance + variance.log())
        share = torch.softmax(evidence, dim=0)
        return (share * (centres + a.sqrt() * WIDTHS[:, None] ** 2 / variance * away)).sum(0)

    return denoise


SAMPLERS = {
    "ancestral": (ancestral, log_snr_steps, 1000),
    "ddim": (ddim, log_snr_steps, 300),
    "dpm++": (dpm_solver_pp_2m, log_snr_steps, 20),
    "pc": (predictor_corrector, angle_steps, 8),
}


@cache
def mixture_draws(name):
    """(conditions, N, genes) draws."""
    sampler, spacing, n_steps = SAMPLERS[name]
    condition = torch.arange(2).repeat_interleave(N)[:, None]
    normal = normals(0)
    start = normal((2 * N, 3))
    if sampler is ancestral:
        sampler = partial(ancestral, noise=lambda step: normal((2 * N, 3)))
    steps = spacing(SCHEDULE, n_steps)
    states = sampler(mixture_denoiser(condition), start, steps)
    return end_of(states).reshape(2, N, 3).numpy()


def mixture_moments():
    """Mean, variance and fourth central moment of each gene, condition zero."""
    w, m, s = WEIGHTS.numpy(), CENTRES.numpy(), WIDTHS.numpy()
    mean = (w * m).sum(0)
    d = m - mean
    return mean, (w * (s**2 + d**2)).sum(0), (w * (d**4 + 6 * d**2 * s**2 + 3 * s**4)).sum(0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_conditional_mean_and_variance_of_a_mixture_are_recovered(name):
    mean, variance, fourth = mixture_moments()
    for condition, draws in enumerate(mixture_draws(name)):
        # Four standard errors, and for the variance the 3 % that a Gaussian's may be off.
        shifted = mean + condition * SHIFT.numpy()
        error = 4 * np.sqrt(variance / N)
        assert (np.abs(draws.mean(0) - shifted) < error + 0.01 * np.sqrt(variance)).all()
        error = 4 * np.sqrt((fourth - variance**2) / N)
        assert (np.abs(draws.var(0) - variance) < error + 0.03 * variance).all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_conditional_quantiles_of_a_mixture_are_recovered(name):
    w, m, s = WEIGHTS.numpy(), CENTRES.numpy(), WIDTHS.numpy()

    def below(x, gene):
        return (w[:, gene] * stats.norm.cdf(x, m[:, gene], s[:, gene])).sum()

    for condition, draws in enumerate(mixture_draws(name)):
        for gene in range(3):
            for q in (0.05, 0.25, 0.75, 0.95):
                true = optimize.brentq(lambda x, g=gene, q=q: below(x, g) - q, -10, 10)
                share = (draws[:, gene] - condition * SHIFT[gene].item() <= true).mean()
                # Four standard errors, and what few steps make of sharp components.
                error = 4 * np.sqrt(q * (1 - q) / N)
                assert abs(share - q) < error + (0.025 if name == "pc" else 0.01)


def test_eight_evaluations_of_the_predictor_corrector_equal_a_thousand_ancestral_steps():
    # As above. The solver's mean is off by 0.03 standard deviations where components are sharp.
    n = 2000
    fast, reference = mixture_draws("pc")[:, :n], mixture_draws("ancestral")[:, :n]
    _, variance, fourth = mixture_moments()
    difference = np.abs(fast.mean(1) - reference.mean(1))
    assert (difference < 3 * np.sqrt(2 * variance / n)).all()
    ratio = fast.var(1) / reference.var(1)
    assert (np.abs(ratio - 1) < 3 * np.sqrt(2 * (fourth / variance**2 - 1) / n)).all()
    whole = mixture_draws("pc").var(1) / mixture_draws("ancestral").var(1)
    assert 0.98 < whole.mean() < 1.03


def test_twenty_evaluations_of_dpm_solver_equal_a_thousand_ancestral_steps():
    # 2,000 draws, those of a hundred spots: the variance is known to some 3 %. With 200,000 the
    # solver's is 2.4 % too large and that of the thousand steps 0.2 to 2 % too small.
    n = 2000
    fast, reference = mixture_draws("dpm++")[:, :n], mixture_draws("ancestral")[:, :n]
    _, variance, fourth = mixture_moments()
    difference = np.abs(fast.mean(1) - reference.mean(1))
    assert (difference < 3 * np.sqrt(2 * variance / n)).all()
    ratio = fast.var(1) / reference.var(1)
    assert (np.abs(ratio - 1) < 3 * np.sqrt(2 * (fourth / variance**2 - 1) / n)).all()
    # Pooled over the genes the bias shows, and stays within these bounds.
    whole = mixture_draws("dpm++").var(1) / mixture_draws("ancestral").var(1)
    assert 0.99 < whole.mean() < 1.05
    for gene in range(3):
        assert stats.ks_2samp(fast[0, :, gene], reference[0, :, gene]).pvalue > 1e-3


# An independent implementation, step by step, with its float32 tables replaced by ours.


def visited(sampler, x, steps, **options):
    """The states of a sampler after each step."""
    denoise = mixture_denoiser(torch.zeros(len(x), 1))
    return torch.stack(list(sampler(denoise, x, steps, **options)))


def stepped(scheduler, x, steps, **options):
    """The same states by a scheduler of diffusers."""
    denoise = mixture_denoiser(torch.zeros(len(x), 1))
    states = []
    for step in steps:
        x = scheduler.step(denoise(x, step.t), step.t, x, **options).prev_sample
        states.append(x)
    return torch.stack(states)


def start():
    return normals(1)((50, 3))


def test_ddim_equals_diffusers_step_by_step():
    theirs = diffusers.DDIMScheduler(
        prediction_type="sample",
        clip_sample=False,
        timestep_spacing="trailing",
        set_alpha_to_one=True,
    )
    theirs.alphas_cumprod = SCHEDULE.alpha_bar
    theirs.set_timesteps(20)  # its next timestep is always 50 less, so ours are made even in t
    times = theirs.timesteps.tolist()
    alpha_bar = [*SCHEDULE.alpha_bar[times].tolist(), 1.0]
    steps = [Step(*step) for step in zip(times, alpha_bar, alpha_bar[1:], strict=False)]
    # Both in float64: rounding alone.
    expected = stepped(theirs, start(), steps)
    torch.testing.assert_close(visited(ddim, start(), steps), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n", [8, 20])
def test_dpm_solver_equals_diffusers_step_by_step(n):
    """Its solver "midpoint" is the published algorithm 2; "heun" weighs the slope otherwise."""
    steps = log_snr_steps(SCHEDULE, n)
    theirs = diffusers.DPMSolverMultistepScheduler(
        beta_schedule="linear",
        prediction_type="sample",
        algorithm_type="dpmsolver++",
        solver_order=2,
        solver_type="midpoint",
        final_sigmas_type="zero",  # ends without noise, by a step of first order
    )
    theirs.set_timesteps(timesteps=[step.t for step in steps])
    sigmas = [((1 - s.alpha_bar) / s.alpha_bar) ** 0.5 for s in steps]
    theirs.sigmas = torch.tensor([*sigmas, 0.0]).double()
    # It rounds its state to float32 (6e-8) at every step; no step magnifies that much.
    expected = stepped(theirs, start(), steps)
    found = visited(dpm_solver_pp_2m, start(), steps)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("n", [20, 1000])
def test_ancestral_equals_diffusers_step_by_step(n):
    steps = log_snr_steps(SCHEDULE, n)
    theirs = diffusers.DDPMScheduler(
        beta_schedule="linear",
        prediction_type="sample",
        variance_type="fixed_small",
        clip_sample=False,
    )
    theirs.alphas_cumprod = SCHEDULE.alpha_bar
    theirs.one = torch.tensor(1.0).double()
    theirs.set_timesteps(timesteps=[step.t for step in steps])
    random = torch.Generator().manual_seed(0)
    expected = stepped(theirs, start(), steps, generator=random)
    normal = normals(0)
    found = visited(ancestral, start(), steps, noise=lambda step: normal((50, 3)))
    # Both in float64: rounding alone, over a thousand steps.
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
