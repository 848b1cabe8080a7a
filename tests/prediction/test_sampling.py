"""Sampling fills a store with the same draws, whatever the batches and however often stopped."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stem.errors import Hint, OptionError, Remedy
from napari_stem.events import Event, Partial, Progress, finish
from napari_stem.features.compute import Compute
from napari_stem.model.diffusion import Schedule
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.model.readout import Scaled
from napari_stem.prediction.drawer import rows_of_a_pass
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample, iter_sample_point

SCHEDULE = Schedule(DiffusionConfig(prediction="v"))
N, GENES = 9, 5
RANDOM = np.random.default_rng(0)
CONDITIONS = RANDOM.normal(size=(N, 4)).astype(np.float32)
POSITIONS = RANDOM.uniform(0, 10_000, (N, 2))


@pytest.fixture(scope="module")
def network() -> StemNetwork:
    """Random weights everywhere: an untrained network ignores its condition."""
    torch.manual_seed(0)
    network = StemNetwork(
        NetworkConfig(n_genes=GENES, condition_width=4, width=16, depth=2, heads=2)
    )
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network.eval()


def sample(
    network, rows=slice(None), *, store=None, n_draws=4, batch_size=256, **options
) -> np.ndarray:
    conditions, positions = CONDITIONS[rows], POSITIONS[rows]
    sizes = {"n_spots": len(conditions), "n_genes": GENES}
    store = store or DrawStore.create(None, key="k", n_draws=n_draws, **sizes)
    with store:
        finish(
            iter_sample(
                network, SCHEDULE, conditions, positions, store,
                PredictOptions(n_draws=n_draws, **options), Compute(batch_size=batch_size),
            )
        )  # fmt: skip
        return store.read(draws=slice(n_draws))


# Draws are kept as float16: values of up to 4 have steps of 0.002 to 0.004.
TOLERANCE = 4e-3


@pytest.mark.parametrize("name", ["pc", "dpm++", "ddim", "ancestral"])
def test_draws_do_not_depend_on_batches_order_or_company(network, name):
    sampler = {"sampler": name, "steps": 6}
    whole = sample(network, **sampler)
    np.testing.assert_allclose(sample(network, **sampler, batch_size=2), whole, atol=TOLERANCE)
    some = [7, 2, 5]
    np.testing.assert_allclose(sample(network, some, **sampler), whole[:, some], atol=TOLERANCE)


def test_draws_do_not_depend_on_the_number_of_threads(network):
    usual, found = torch.get_num_threads(), []
    for number in (1, 3):
        torch.set_num_threads(number)
        found.append(sample(network, batch_size=2))
    torch.set_num_threads(usual)
    np.testing.assert_allclose(*found, atol=TOLERANCE)


def test_draws_in_bfloat16_are_close_to_those_in_float32(network):
    """Its numbers have eight bits, so that a product is off by up to 1/256."""
    single, mixed = (sample(network, precision=each) for each in ("32-true", "bf16-mixed"))
    assert 0 < np.abs(mixed - single).mean() < 0.02 * single.std()
    np.testing.assert_allclose(mixed.std(axis=0), single.std(axis=0), rtol=0.1, atol=0.02)


def test_equal_batch_shapes_give_equal_bits(network):
    whole = sample(network, batch_size=3)
    np.testing.assert_array_equal(sample(network, slice(0, 4), batch_size=3), whole[:, :4])


@pytest.mark.parametrize(
    ("free", "rows"), [(None, 64), (80 << 30, 64), (1 << 30, 32), (8 << 20, 1)]
)
def test_a_pass_fits_into_half_of_the_free_memory_of_a_gpu(free, rows):
    """A row of the paper's takes 300 tokens x (12 x 384 + 2 x 6 x 300) x 4 bytes, or 10 MB."""
    with torch.device("meta"):
        paper = StemNetwork(NetworkConfig(n_genes=300, condition_width=1024))
    assert rows_of_a_pass(paper, torch.device("cuda"), free) == rows


@pytest.mark.thorough
@pytest.mark.usefixtures("compiler")
def test_a_compiled_network_draws_the_same(network):
    drawn = []
    for compute in (Compute(device="cpu"), Compute(device="cpu", compile=True)):
        with DrawStore.create(None, key="k", n_draws=4, n_spots=N, n_genes=GENES) as store:
            given = SCHEDULE, CONDITIONS, POSITIONS, store, PredictOptions(n_draws=4), compute
            finish(iter_sample(network, *given))
            drawn.append(store.read())
    np.testing.assert_allclose(drawn[1], drawn[0], atol=TOLERANCE)


def test_draws_of_a_pair_start_from_opposite_noise(network):
    """With an untrained head x_start is proportional to x_t, so that pairs mirror each other."""
    flat = StemNetwork(network.config).eval()
    draws = sample(flat, n_draws=4)
    np.testing.assert_allclose(draws[0], -draws[1], atol=TOLERANCE)
    assert np.abs(draws[0] - draws[2]).mean() > 0.05


def test_previews_carry_the_mean_of_the_draws_so_far(network):
    events: list[Event] = []
    with DrawStore.create(None, key="k", n_draws=3, n_spots=N, n_genes=GENES) as store:
        finish(
            iter_sample(
                network,
                SCHEDULE,
                CONDITIONS,
                POSITIONS,
                store,
                PredictOptions(n_draws=3),
                Compute(),
            ),
            events.append,
        )
        expected = store.read().mean(axis=0)
    previews = [event for event in events if isinstance(event, Partial)]
    assert previews[-1].draws == previews[-1].total == 3
    np.testing.assert_allclose(previews[-1].mean, expected, atol=1e-6)
    assert len({id(preview.mean) for preview in previews}) == len(previews)
    progress = [event for event in events if isinstance(event, Progress)]
    assert progress[-1].done == progress[-1].total == 3 * N


def test_previews_of_many_spots_take_little_memory(
    network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    n = 60_000
    conditions, places = np.zeros((n, 4), np.float32), np.zeros((n, 2))
    options, compute = PredictOptions(n_draws=2), Compute(device="cpu", cache=tmp_path)
    monkeypatch.setattr("napari_stem.roomy.IN_MEMORY", 1 << 20)
    with DrawStore.create(
        tmp_path / "draws", key="k", n_draws=2, n_spots=n, n_genes=GENES
    ) as store:
        for draw in range(2):
            for rows in store.blocks():
                store.write(draw, rows, np.full((rows.stop - rows.start, GENES), draw, np.float32))
        events = iter_sample(network, SCHEDULE, conditions, places, store, options, compute)
        tracemalloc.start()
        previews = [event.mean for event in events if isinstance(event, Partial)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 6e5  # one preview takes 1.2 MB
    np.testing.assert_array_equal(previews[-1], 0.5)


def test_each_slow_draw_is_previewed(network):
    """Slower than the pace of events: progress inside of a draw must not use up its preview."""

    class Slow(Scaled):
        def values(self, x, condition, noise):
            time.sleep(0.11)
            return x

    slow = Slow(torch.zeros(GENES), torch.ones(GENES))
    with DrawStore.create(None, key="k", n_draws=3, n_spots=N, n_genes=GENES) as store:
        events = iter_sample(
            network, SCHEDULE, CONDITIONS, POSITIONS, store,
            PredictOptions(n_draws=3), Compute(), readout=slow,
        )  # fmt: skip
        assert [event.draws for event in events if isinstance(event, Partial)] == [1, 2, 3]


def test_a_batch_is_stopped_between_two_layers_and_tells_progress_meanwhile(network):
    """However large a batch is: whoever closes the generator waits for one layer at most."""
    layers = []

    def slowly(*_: object) -> None:
        layers.append(time.monotonic())
        time.sleep(0.15)

    hooks = [block.register_forward_pre_hook(slowly) for block in network.blocks]
    store = DrawStore.create(None, key="k", n_draws=1, n_spots=N, n_genes=GENES)
    options = PredictOptions(n_draws=1, steps=50)
    whole = iter_sample(network, SCHEDULE, CONDITIONS, POSITIONS, store, options, Compute())
    point = iter_sample_point(network, SCHEDULE, CONDITIONS[5], POSITIONS[5], options, Compute())
    for events in (whole, point):
        layers.clear()
        assert isinstance(next(events), Progress)
        events.close()
        assert len(layers) <= 2 * torch.get_num_threads()
    store.close()
    for hook in hooks:
        hook.remove()


def test_a_stopped_run_goes_on_and_what_is_there_stays(network, tmp_path):
    sizes = {"key": "k", "n_draws": 4, "n_spots": N, "n_genes": GENES}
    store = DrawStore.create(tmp_path / "d.zarr", **sizes)
    events = iter_sample(
        network, SCHEDULE, CONDITIONS, POSITIONS, store, PredictOptions(n_draws=4), Compute()
    )
    next(events)
    events.close()
    assert not store.has(3, slice(0, N))
    store.write(0, slice(0, N), np.full((N, GENES), 7, np.float32))  # stands out if drawn again
    resumed = sample(network, store=DrawStore(tmp_path / "d.zarr"))
    assert (resumed[0] == 7).all()
    np.testing.assert_array_equal(resumed[1:], sample(network)[1:])


FULL = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory."),
    "cpu": RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"),
}


class Small(StemNetwork):
    """A network with memory for so many spots at once."""

    def __init__(self, like: StemNetwork, most: int, error: Exception) -> None:
        super().__init__(like.config)
        self.load_state_dict(like.state_dict())
        self.eval()
        self._most, self._error = most, error

    def forward(self, x_t, *others):
        if len(x_t) > self._most:
            raise self._error
        return super().forward(x_t, *others)


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
def test_a_batch_that_is_too_large_for_the_memory_is_halved(network, error):
    found = sample(Small(network, 2, error), batch_size=8)
    np.testing.assert_allclose(found, sample(network), atol=TOLERANCE)


def test_where_not_one_spot_fits_into_the_memory_another_device_is_advised(network):
    with pytest.raises(OptionError, match="even for one spot") as raised:
        sample(Small(network, 0, FULL["cpu"]), batch_size=8)
    assert raised.value.hint == Hint(Remedy.DEVICE, "cpu")
    with pytest.raises(RuntimeError, match="shapes differ"):  # another error stays what it is
        sample(Small(network, 0, RuntimeError("shapes differ")), batch_size=8)


def test_impossible_samplers_are_refused():
    with pytest.raises(OptionError, match="sampler 'euler' is unknown"):
        PredictOptions(sampler="euler")
    with pytest.raises(OptionError, match="steps is 0; it must be a whole number"):
        PredictOptions(steps=0)


@pytest.mark.parametrize("name", ["pc", "ancestral"])
def test_a_point_alone_has_the_draws_of_a_spot_there(network, name):
    options = PredictOptions(n_draws=7, sampler=name, steps=6)
    whole = sample(network, n_draws=7, sampler=name, steps=6)
    *_, alone = iter_sample_point(
        network, SCHEDULE, CONDITIONS[5], POSITIONS[5], options, Compute()
    )
    np.testing.assert_allclose(alone, whole[:, 5], atol=TOLERANCE)
