"""What a network learns from may be larger than memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stem.checkpoints.recipe import Recipe
from napari_stem.events import finish
from napari_stem.features.condition import Condition
from napari_stem.model.diffusion import DiffusionConfig, Schedule
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.model.readout import as_they_are
from napari_stem.roomy import roomy
from napari_stem.sections.paired_data import PairedData
from napari_stem.training.examples import Examples
from napari_stem.training.loop import iter_fit
from napari_stem.training.targets import iter_examples

N, VIEWS, WIDTH, COMPONENTS, GENES = 40_000, 8, 64, 16, 4


def paired(scratch: Path) -> PairedData:
    """Spots whose embeddings take 82 MB."""
    random = np.random.default_rng(0)
    embeddings = roomy((N, VIEWS, WIDTH), scratch)
    for start in range(0, N, 4000):
        embeddings[start : start + 4000] = random.standard_normal((4000, VIEWS, WIDTH), np.float32)
    return PairedData(
        tuple("ABCD"), embeddings, random.random((N, GENES), np.float32),
        random.random((N, 2)), np.zeros(N, np.intp),
    )  # fmt: skip


def learned(recipe: Recipe, scratch: Path) -> tuple[Examples, dict[str, torch.Tensor]]:
    """The examples of these spots, and a network after a few steps with them."""
    data = paired(scratch)
    condition = Condition.fit(data.original, components=COMPONENTS)
    readout = as_they_are(GENES)
    examples = finish(iter_examples(recipe, condition, readout, data, [], scratch))
    torch.manual_seed(0)
    config = NetworkConfig(n_genes=GENES, condition_width=COMPONENTS, width=32, depth=1, heads=2)
    fit = FitConfig(steps=3, batch_size=64)
    schedule = Schedule(DiffusionConfig())
    fitted = finish(iter_fit(StemNetwork(config), schedule, examples, fit, device="cpu"))
    return examples, fitted.network.state_dict()


def test_training_holds_parts_of_a_large_section_and_learns_the_same(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, expected = learned(recipe, tmp_path)
    monkeypatch.setattr("napari_stem.roomy.IN_MEMORY", 1 << 20)
    tracemalloc.start()
    streamed, found = learned(recipe, tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6  # embeddings and conditions take 102 MB; 20,000 spots are fitted to
    torch.testing.assert_close(streamed.condition, whole.condition, rtol=0, atol=0)
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)
