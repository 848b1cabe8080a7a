"""Training learns, resumes to the bit, and refuses a state that is not its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from napari_stem.defaults import Keep
from napari_stem.errors import TrainingError
from napari_stem.events import Event, Loss, Metrics, Progress, finish
from napari_stem.model.diffusion import (
    DiffusionConfig,
    Schedule,
    diffusion_loss,
    random_diffusion,
)
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.training.examples import Examples, random_batch
from napari_stem.training.fit_state import _seed
from napari_stem.training.loop import Fitted, iter_fit

SCHEDULE = Schedule(DiffusionConfig(prediction="v"))
CONFIG = FitConfig(steps=40, batch_size=16, learning_rate=3e-3, ema=0.9, warmup=5)
SHORT = replace(CONFIG, steps=4)


def examples(n: int = 64, views: int = 8) -> Examples:
    """Values that follow from the condition by a linear law with a little noise."""
    random = torch.Generator().manual_seed(0)
    condition = torch.randn(n, 1, 4, generator=random).expand(n, views, 4).contiguous()
    law = torch.randn(4, 6, generator=torch.Generator().manual_seed(1)) / 2
    noise = 0.1 * torch.randn(n, 6, generator=random)
    return Examples(condition[:, 0] @ law + noise, condition, torch.full((4,), 0.1))


def part(whole: Examples, rows: slice) -> Examples:
    return Examples(whole.x_start[rows], whole.condition[rows], whole.noise)


def network() -> StemNetwork:
    torch.manual_seed(0)
    return StemNetwork(
        NetworkConfig(n_genes=6, condition_width=4, width=16, depth=1, heads=2, dropout=0.1)
    )


def fit(config: FitConfig = CONFIG, **options: object) -> dict[str, Tensor]:
    events = iter_fit(network(), SCHEDULE, examples(), config, device="cpu", **options)  # type: ignore[arg-type]
    return finish(events).network.state_dict()


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_of_held_out_spots_falls_below_that_of_knowing_nothing():
    """Knowing nothing, the best guess of v is 0 for standard values; its loss is 1."""
    everything = examples(320)
    known, unseen = part(everything, slice(256)), part(everything, slice(256, None))
    events: list[Event] = []
    config = replace(CONFIG, steps=300)
    finish(
        iter_fit(network(), SCHEDULE, known, config, validation=unseen, device="cpu"),
        events.append,
    )
    losses = [e.validation for e in events if isinstance(e, Loss) and e.validation is not None]
    assert len(losses) == 9  # eight or more, whatever the steps
    assert losses[-1] < 0.75 * float((unseen.x_start**2).mean() + 1) / 2
    assert losses[-1] < losses[0]


def test_a_run_closed_midway_and_resumed_equals_an_unbroken_one(tmp_path: Path):
    state = tmp_path / "state.pt"
    events = iter_fit(network(), SCHEDULE, examples(), CONFIG, state_path=state, device="cpu")
    next(events)
    events.close()
    assert state.exists()
    resumed, unbroken = fit(state_path=state), fit()
    assert all(torch.equal(resumed[name], unbroken[name]) for name in unbroken)


def test_a_run_killed_midway_and_resumed_equals_an_unbroken_one(tmp_path: Path):
    state = tmp_path / "state.pt"
    script = (
        "import napari_stem.training.loop as f; f.FIRST_SAVE = 0.0\n"
        "import importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('t', sys.argv[1])\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "t.fit(t.replace(t.CONFIG, steps=t.CONFIG.steps), state_path=pathlib.Path(sys.argv[2]))\n"
        "import time; time.sleep(600)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, __file__, str(state)])
    while not state.exists():
        assert child.poll() is None
        time.sleep(0.005)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    resumed, unbroken = fit(state_path=state), fit()
    assert all(torch.equal(resumed[name], unbroken[name]) for name in unbroken)


def test_the_first_seconds_of_a_run_are_soon_on_disk(tmp_path: Path):
    state, long = tmp_path / "state.pt", replace(CONFIG, steps=10**9)
    events = iter_fit(network(), SCHEDULE, examples(), long, state_path=state, device="cpu")
    start = time.monotonic()
    with closing(events):
        next(event for event in events if isinstance(event, Loss))
        assert not state.exists()  # short runs are not slowed
        next(event for event in events if state.exists())
    assert time.monotonic() - start < 30  # a busy machine; the first save comes after a second


def test_a_finished_run_is_not_trained_again(tmp_path: Path):
    state = tmp_path / "state.pt"
    first = fit(state_path=state)
    events: list[Event] = []
    again = finish(
        iter_fit(network(), SCHEDULE, examples(), CONFIG, state_path=state, device="cpu"),
        events.append,
    )
    assert events == []
    assert all(
        torch.equal(first[name], value) for name, value in again.network.state_dict().items()
    )


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    start = network()
    torch.manual_seed(7)
    finish(iter_fit(start, SCHEDULE, examples(), replace(CONFIG, steps=2), device="cpu"))
    assert torch.equal(torch.rand(3), expected)


OVERFITTED = replace(CONFIG, steps=60, learning_rate=2e-2, ema=0.5)


def fit_validated(
    config: FitConfig = OVERFITTED, *, keep: Keep = "best", **options: object
) -> tuple[Fitted, list[Loss]]:
    """A fit to few spots whose held-out loss rises again, and the validated losses."""
    known, unseen = part(examples(48), slice(8)), part(examples(48), slice(8, None))
    events: list[Event] = []
    fitted = finish(
        iter_fit(
            network(), SCHEDULE, known, config, validation=unseen, keep=keep, device="cpu",
            **options,  # type: ignore[arg-type]
        ),
        events.append,
    )  # fmt: skip
    return fitted, [e for e in events if isinstance(e, Loss) and e.validation is not None]


def stop_at(step: int) -> Callable[[], bool]:
    """Says yes when it is asked for the `step`th time, which is after that step."""
    asked = iter(range(1, 10_000))
    return lambda: next(asked) >= step


def test_the_averaged_weights_of_the_lowest_held_out_loss_are_kept():
    best, losses = fit_validated()
    lowest = min(losses, key=lambda loss: loss.validation or 0)
    assert best.step == lowest.step < OVERFITTED.steps
    until_then, _ = fit_validated(finish_now=stop_at(best.step), keep="last")
    last, _ = fit_validated(keep="last")
    assert last.step == OVERFITTED.steps
    weights = best.network.state_dict()
    assert same(weights, until_then.network.state_dict())
    assert not same(weights, last.network.state_dict())


def test_the_best_weights_survive_a_stop(tmp_path: Path):
    state, (unbroken, _) = tmp_path / "state.pt", fit_validated()
    known, unseen = part(examples(48), slice(8)), part(examples(48), slice(8, None))
    events = iter_fit(
        network(), SCHEDULE, known, OVERFITTED, validation=unseen, state_path=state, device="cpu"
    )
    for event in events:
        if isinstance(event, Loss) and event.step > unbroken.step:
            events.close()
            break
    resumed, _ = fit_validated(state_path=state)
    assert resumed.step == unbroken.step
    assert same(resumed.network.state_dict(), unbroken.network.state_dict())


def test_a_run_asked_to_finish_ends_validated_and_is_not_trained_again(tmp_path: Path):
    state = tmp_path / "state.pt"
    first, losses = fit_validated(finish_now=stop_at(5), state_path=state)
    assert losses[-1].step == 5
    again, nothing = fit_validated(state_path=state)
    assert nothing == []
    assert same(first.network.state_dict(), again.network.state_dict())


def test_a_budget_of_time_ends_training_and_is_told_in_seconds():
    events: list[Event] = []
    config = replace(CONFIG, steps=10**9, minutes=0.02, decay="cosine")
    fitted = finish(iter_fit(network(), SCHEDULE, examples(), config, device="cpu"), events.append)
    assert 0 < fitted.step < 10**9
    last = [event for event in events if isinstance(event, Progress)][-1]
    assert (last.done, last.total) == (2, 2)  # of 1.2 seconds


def test_metrics_are_measured_of_the_averaged_network_now_and_then():
    seen = []

    def measure(averaged: StemNetwork, step: int) -> list[Event]:
        assert not averaged.training
        seen.append(step)
        return [Metrics(step, 4, {})]

    _, losses = fit_validated(measure=measure)
    assert seen[0] == losses[0].step
    assert set(seen) < {loss.step for loss in losses}


def test_the_state_of_another_run_is_refused(tmp_path: Path):
    state = tmp_path / "state.pt"
    fit(replace(CONFIG, steps=1), state_path=state)
    with pytest.raises(TrainingError, match="belongs to a run with other settings"):
        fit(replace(CONFIG, steps=2), state_path=state)
    state.write_bytes(b"not a state")
    with pytest.raises(TrainingError, match="training state could not be read"):
        fit(state_path=state)


def test_a_loss_that_is_not_finite_stops_with_advice_and_the_state_before_it_stays(
    tmp_path: Path,
):
    state, bad = tmp_path / "state.pt", examples()
    events = iter_fit(network(), SCHEDULE, examples(), CONFIG, state_path=state, device="cpu")
    next(events)
    events.close()
    step, before = torch.load(state)["step"], state.read_bytes()
    bad.x_start[:] = torch.nan
    with pytest.raises(TrainingError, match=rf"not finite .* at step {step}\."):
        finish(iter_fit(network(), SCHEDULE, bad, CONFIG, state_path=state, device="cpu"))
    assert state.read_bytes() == before


def test_weights_follow_adamw_and_their_average_warms_up():
    """As plain AdamW and the sum of an average's equation make them, one step after the other."""
    config = replace(CONFIG, steps=12, weight_decay=0.1)
    net = StemNetwork(NetworkConfig(n_genes=6, condition_width=4, width=16, depth=1, heads=2))
    plain, known = deepcopy(net), examples()
    average = [torch.zeros_like(each) for each in plain.parameters()]
    optimizer = torch.optim.AdamW(plain.parameters(), weight_decay=0.1, foreach=False)
    for step in range(config.steps):
        random = torch.Generator().manual_seed(_seed(config.seed, step))
        x, condition = random_batch(known, config, random)
        t, noise = random_diffusion(x, SCHEDULE, random)
        optimizer.zero_grad()
        diffusion_loss(plain, x, condition, SCHEDULE, t=t, noise=noise).backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), config.clip)
        optimizer.param_groups[0]["lr"] = config.rate(step)
        optimizer.step()
        kept = min(config.ema, (1 + step) / (10 + step)) if step else 0
        for mean, now in zip(average, plain.parameters(), strict=True):
            mean.copy_(kept * mean + (1 - kept) * now.detach())
    fitted = finish(iter_fit(net, SCHEDULE, known, config, device="cpu")).network
    torch.testing.assert_close(list(fitted.parameters()), average, rtol=1e-4, atol=1e-5)


def test_the_learning_rate_rises_holds_and_falls():
    constant = FitConfig(steps=100, learning_rate=1.0, warmup=9)
    assert [constant.rate(step) for step in (0, 9, 99)] == [0.1, 1.0, 1.0]
    cosine = replace(constant, warmup=0, decay="cosine")
    assert cosine.rate(0) == 1.0
    assert cosine.rate(50) == pytest.approx(0.5)
    assert cosine.rate(99) < 0.001
    timed = replace(cosine, steps=10**9, minutes=2)
    assert timed.rate(0, seconds=60) == pytest.approx(0.5)
    assert timed.rate(0, seconds=500) == pytest.approx(0)


def test_one_view_in_five_is_the_original_and_the_others_are_even():
    """The paper's ratio of 1:4, seen through a condition that states its view."""
    views = torch.arange(8.0).view(1, 8, 1).expand(10, 8, 1)
    config = replace(CONFIG, batch_size=40_000)
    _, condition = random_batch(
        Examples(torch.zeros(10, 1), views, torch.zeros(1)), config, torch.Generator()
    )
    share = torch.bincount(condition.flatten().long(), minlength=8) / 40_000
    # Four standard deviations of a binomial share of .2 or .8 / 7 at 40,000 trials.
    assert share[0] == pytest.approx(0.2, abs=0.008)
    assert share[1:] == pytest.approx(torch.full((7,), 0.8 / 7), abs=0.0064)


@pytest.mark.thorough
@pytest.mark.usefixtures("compiler")
def test_compiled_steps_learn_the_same():
    options = {"validation": examples(16)}
    expected, found = fit(SHORT, **options), fit(SHORT, compile=True, **options)
    for name, weights in expected.items():
        torch.testing.assert_close(found[name], weights, rtol=0, atol=1e-5)


def test_many_held_out_spots_are_validated_on_some_with_about_the_loss_of_all():
    """A twentieth of the time is left for it: after every step of 16 spots, the fewest, 256."""
    whole, net, sizes = examples(700), network(), list[int]()
    net.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    config = replace(CONFIG, steps=1, ema=0.0)
    events: list[Event] = []
    work = iter_fit(net, SCHEDULE, whole, config, validation=whole, device="cpu")
    trained = finish(work, events.append).network
    assert set(sizes) == {16}  # never more at once than a training step
    assert sum(sizes) == 16 + 256
    (loss,) = [e.validation for e in events if isinstance(e, Loss)]
    x, random = whole.x_start, torch.Generator().manual_seed(1)
    one_pass = []
    for _ in range(8):
        t, noise = random_diffusion(x, SCHEDULE, random)
        each = diffusion_loss(trained, x, whole.condition[:, 0], SCHEDULE, t=t, noise=noise)
        one_pass.append(each.detach())
    expected = float(torch.stack(one_pass).mean())
    assert loss == pytest.approx(expected, rel=0.1)  # of other noise
