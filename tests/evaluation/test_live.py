"""Metrics during training are those of the network as it is then."""

from __future__ import annotations

import pytest
import torch

from napari_stem.evaluation.live import LiveMetrics
from napari_stem.events import Variation, finish
from napari_stem.features.compute import Compute
from napari_stem.sections.paired_data import iter_paired_data
from napari_stem.sections.section import Section
from napari_stem.training.train import TrainResult


def predicted_before_and_after_a_change(
    section: Section, trained: TrainResult, compute: Compute
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean of each gene that one network predicts, then with other weights."""
    checkpoint, network = trained.checkpoint, trained.checkpoint.network
    known = finish(iter_paired_data([section], checkpoint.recipe, compute))
    live = LiveMetrics(checkpoint, known, known, compute)

    def predicted() -> tuple[float, ...]:
        return next(event.mean for event in live(network, 0) if isinstance(event, Variation))

    before = predicted()
    assert predicted() == before
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    try:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.zero_()
        return before, predicted()
    finally:
        network.load_state_dict(kept)


def test_a_network_that_has_changed_is_measured_anew(sections: list[Section], trained: TrainResult):
    compute = Compute(device="cpu")
    before, after = predicted_before_and_after_a_change(sections[2], trained, compute)
    assert before != after


@pytest.mark.thorough
@pytest.mark.usefixtures("compiler")
def test_so_is_a_compiled_one(sections: list[Section], trained: TrainResult):
    compute = Compute(device="cpu", compile=True)
    before, after = predicted_before_and_after_a_change(sections[2], trained, compute)
    assert before != after
