"""The parts of a batch add up to it, become smaller with too little memory, and can be stopped."""

from __future__ import annotations

from functools import partial
from operator import call

import pytest
import torch
from torch import Tensor

from napari_stem.events import finish
from napari_stem.model.diffusion import Schedule, diffusion_loss
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.dropout import dropout_of
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.training.batch_loss import Batch, BatchLoss
from napari_stem.workers import Workers

pytestmark = pytest.mark.usefixtures("two_threads")

SCHEDULE = Schedule(DiffusionConfig(prediction="v"))
SPOTS, GENES = 16, 200


@pytest.fixture(scope="module")
def network() -> StemNetwork:
    """Of so many multiplications that a batch is split."""
    torch.manual_seed(0)
    network = StemNetwork(NetworkConfig(GENES, 4, width=64, depth=2, heads=2))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="module")
def batch() -> Batch:
    random = torch.Generator().manual_seed(0)
    x, noise = torch.randn(2, SPOTS, GENES, generator=random)
    t = torch.randint(SCHEDULE.steps, (SPOTS,), generator=random)
    return Batch(x, torch.randn(SPOTS, 4, generator=random), t, noise)


@pytest.mark.parametrize("short", [False, True])
def test_parts_add_up_to_the_loss_and_the_gradient_of_the_batch(
    network: StemNetwork, batch: Batch, short: bool
) -> None:
    sizes = list[int]()
    whole = diffusion_loss(
        network, batch.x_start, batch.condition, SCHEDULE, t=batch.t, noise=batch.noise
    )
    expected = torch.autograd.grad(whole, list(network.parameters()))
    hook = network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    with hook, Workers(torch.device("cpu")) as workers:
        loss = BatchLoss(network, network, SCHEDULE, workers, short=short, most=SPOTS)
        run = workers.run if short else call  # a short batch is led by a worker

        def gradient(*ends: int) -> list[Tensor]:
            return run(partial(finish, loss.iter_gradient(batch, slice(*ends))))

        found, *gradients = gradient(0, SPOTS)
        alone = run(partial(finish, loss.iter_value(batch)))
        shares = [gradient(0, 7), gradient(7, SPOTS)]
    assert len(sizes) > 2
    assert found == alone == pytest.approx(whole.item(), rel=1e-5)
    torch.testing.assert_close(gradients, list(expected), rtol=1e-3, atol=1e-6)
    summed = [a + b for a, b in zip(*shares, strict=True)]
    torch.testing.assert_close(summed, [found, *gradients], rtol=1e-3, atol=1e-6)


def test_parts_are_of_one_size(network: StemNetwork, batch: Batch) -> None:
    """So that the workers that share them end together."""
    sizes = list[int]()
    hook = network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    with hook, Workers(torch.device("cpu")) as workers:
        loss = BatchLoss(network, network, SCHEDULE, workers, most=SPOTS)
        finish(loss.iter_value(batch))
    assert len(sizes) > 1
    assert len(set(sizes)) == 1


def test_dropout_is_that_of_the_whole_batch_however_it_is_split(batch: Batch) -> None:
    torch.manual_seed(0)
    network = StemNetwork(NetworkConfig(GENES, 4, width=64, depth=2, heads=2, dropout=0.5)).train()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    with dropout_of(batch.seed, slice(0, SPOTS), SPOTS, torch.device("cpu")):
        whole = diffusion_loss(
            network, batch.x_start, batch.condition, SCHEDULE, t=batch.t, noise=batch.noise
        )
    with Workers(torch.device("cpu")) as workers:
        loss = BatchLoss(network, network, SCHEDULE, workers, most=SPOTS)
        found, *_ = finish(loss.iter_gradient(batch, slice(0, SPOTS)))
    assert found.item() == pytest.approx(whole.item(), rel=1e-5)


def test_too_little_memory_halves_the_parts(network: StemNetwork, batch: Batch) -> None:
    tried = list[int]()

    def forward(x: Tensor, *given: Tensor) -> Tensor:
        tried.append(len(x))
        if len(x) > 2:
            raise torch.OutOfMemoryError("out of memory")
        out: Tensor = network(x, *given)
        return out

    with Workers(torch.device("cpu")) as workers:
        short = BatchLoss(network, forward, SCHEDULE, workers, most=SPOTS)
        plain = BatchLoss(network, network, SCHEDULE, workers, most=SPOTS)
        assert finish(short.iter_value(batch)) == pytest.approx(
            finish(plain.iter_value(batch)).item(), rel=1e-5
        )
    assert tried[0] > 2
    assert tried[-1] in (1, 2)


def test_closing_stops_before_the_next_layer(network: StemNetwork, batch: Batch) -> None:
    """A layer waits until nobody is interested any more; the next one is not computed."""
    asked = list[int]()

    def forward(x: Tensor, t: Tensor, condition: Tensor, check: object) -> Tensor:
        assert callable(check)
        asked.append(len(x))
        while True:
            check()

    with Workers(torch.device("cpu")) as workers:
        work = BatchLoss(network, forward, SCHEDULE, workers, most=SPOTS).iter_gradient(
            batch, slice(0, SPOTS)
        )
        next(work)
        work.close()
    assert asked
