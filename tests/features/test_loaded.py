"""Networks in memory."""

from __future__ import annotations

import gc
import weakref

import torch
from torch import nn

from napari_stem.features.loaded import Loaded

CPU, META = torch.device("cpu"), torch.device("meta")


def test_a_network_stays_where_it_is_and_is_copied_once_for_each_device():
    loaded, network = Loaded(), nn.Linear(2, 3)
    assert loaded.network(network, CPU) is network
    moved = loaded.network(network, META)
    assert moved.weight.device == META
    assert network.weight.device == CPU
    assert loaded.network(network, META) is moved


def test_what_is_changed_is_a_copy():
    loaded, network = Loaded(), nn.Linear(2, 3)
    changed = loaded.network(network, CPU, nn.Module.eval)
    assert not changed.training
    assert network.training
    assert loaded.network(network, CPU, nn.Module.eval) is changed
    assert loaded.network(network, CPU) is network


def test_a_copy_goes_with_its_network():
    loaded, network = Loaded(), nn.Linear(2, 3)
    copy = weakref.ref(loaded.network(network, META))
    del network
    gc.collect()
    assert copy() is None


def test_an_encoder_is_built_once_for_each_device():
    loaded, built = Loaded(), []

    def build() -> nn.Module:
        built.append(nn.Linear(2, 3))
        return built[-1]

    first = loaded.encoder("uni", CPU, build)
    other = loaded.encoder("uni", META, build)
    assert loaded.encoder("uni", CPU, build) is first
    assert loaded.encoder("uni", META, build) is other
    assert len(built) == 2
    assert first.weight.device == CPU  # a second device takes it from nobody
    assert other.weight.device == META


def test_a_module_without_tensors_is_on_every_device():
    assert isinstance(Loaded().network(nn.ReLU(), META), nn.ReLU)
