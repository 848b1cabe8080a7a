"""Metrics during training are those of the network as it is then."""

from __future__ import annotations

import shutil

import pytest
import torch

from napari_stem.evaluation.live import LiveMetrics
from napari_stem.events import Variation, finish
from napari_stem.features.compute import Compute
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.training.train import TrainResult


@pytest.mark.parametrize(
    "compiled", [False, pytest.param(True, marks=pytest.mark.thorough)], ids=["", "compiled"]
)
def test_a_network_that_has_changed_is_measured_anew(
    sections: list[Section], trained: TrainResult, compiled: bool
):
    if compiled and shutil.which("g++") is None:
        pytest.skip("needs a compiler")
    checkpoint, compute = trained.checkpoint, Compute(device="cpu", compile=compiled)
    known = finish(iter_paired_data(sections[2:3], checkpoint.recipe, compute))
    live, network = LiveMetrics(checkpoint, known, known, compute), checkpoint.network

    def predicted() -> tuple[float, ...]:
        return next(e.mean for e in live(network, 0) if isinstance(e, Variation))

    before = predicted()
    assert predicted() == before
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        assert predicted() != before
    finally:
        network.load_state_dict(kept)
