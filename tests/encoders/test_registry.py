from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import timm
import torch
from timm.layers.mlp import SwiGLUPacked
from torch import nn

from napari_stem.encoders.builders import TimmEncoder
from napari_stem.encoders.registry import ENCODERS, Encoder, find_encoder
from napari_stem.errors import EncoderError

FROM_HUB = [encoder for encoder in ENCODERS.values() if encoder.source.startswith("hf:")]
# Millions of parameters that the model cards state.
PARAMETERS = {
    "uni": 303, "uni2-h": 681, "virchow": 631, "virchow2": 631,
    "h-optimus-0": 1135, "h-optimus-1": 1135,
}  # fmt: skip


def network(encoder: Encoder) -> nn.Module:
    """The entry's network on the meta device: full size, no memory, no weights."""
    layers = {"SwiGLUPacked": SwiGLUPacked, "SiLU": nn.SiLU}
    options: dict[str, Any] = {name: layers.get(value, value) for name, value in encoder.options}
    with torch.device("meta"):
        return timm.create_model(encoder.architecture, num_classes=0, **options)


def names(encoder: Encoder) -> str:
    return encoder.name


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=names)
def test_every_encoder_survives_json(encoder):
    assert Encoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=names)
def test_every_encoder_states_a_licence(encoder):
    assert encoder.licence


@pytest.mark.parametrize("encoder", FROM_HUB, ids=names)
def test_every_network_has_the_published_size(encoder):
    millions = sum(weight.numel() for weight in network(encoder).parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[encoder.name], rel=0.005)


@pytest.mark.parametrize("encoder", FROM_HUB, ids=names)
def test_every_encoder_gives_its_width(encoder):
    with torch.device("meta"):
        module = TimmEncoder(network(encoder), encoder.input, encoder.pool).eval()
        patches = torch.zeros((2, 224, 224, 3), dtype=torch.uint8)
        assert module(patches).shape == (2, encoder.width)


@pytest.mark.parametrize(
    "encoder", [e for e in FROM_HUB if e.pool.startswith("cls+patch_mean")], ids=names
)
def test_the_mean_over_patches_leaves_out_class_and_register_tokens(encoder):
    assert encoder.pool == f"cls+patch_mean:{network(encoder).num_prefix_tokens}"


def test_an_unknown_encoder_is_refused_with_the_names_there_are():
    with pytest.raises(EncoderError, match=r"no encoder 'unii'.*morphology, uni,.*timm:NAME"):
        find_encoder("unii")


def test_any_model_of_timm_has_an_entry():
    assert find_encoder("timm:test_vit").architecture == "test_vit"


def test_the_registry_can_be_read_without_torch():
    code = "import sys, napari_stem.encoders.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
