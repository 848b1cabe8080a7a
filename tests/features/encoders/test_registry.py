from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.builders import PatchEncoder, make_network
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import ENCODERS, find_encoder

NETWORKS = [encoder for encoder in ENCODERS.values() if encoder.source != "built-in"]
# Millions of parameters that the model cards and other packages state.
PARAMETERS = {
    "uni": 303, "uni2-h": 681, "virchow": 631, "virchow2": 631, "h-optimus-0": 1135,
    "h-optimus-1": 1135, "h0-mini": 85.7, "gigapath": 1135, "phikon-v2": 303.4,
}  # fmt: skip
# Tokens that the networks make of one patch.
TOKENS = {
    "uni": 197, "uni2-h": 265, "virchow": 257, "virchow2": 261, "h-optimus-0": 261,
    "h-optimus-1": 261, "h0-mini": 261, "gigapath": 197, "phikon-v2": 197, "conch": 785,
}  # fmt: skip


def network(encoder: Encoder) -> nn.Module:
    """The entry's network on the meta device: full size, no memory, no weights."""
    with torch.device("meta"):
        return make_network(encoder)


def names(encoder: Encoder) -> str:
    return encoder.name


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=names)
def test_every_encoder_survives_json(encoder):
    values = encoder.to_dict()
    assert Encoder.from_dict(json.loads(json.dumps(values))).to_dict() == values


@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=names)
def test_every_encoder_states_a_licence(encoder):
    assert encoder.licence


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_network_has_the_published_size(name):
    millions = sum(weight.numel() for weight in network(ENCODERS[name]).parameters()) / 1e6
    assert millions == pytest.approx(PARAMETERS[name], rel=0.002)


@pytest.mark.parametrize("name", TOKENS)
def test_every_transformer_makes_the_published_number_of_tokens(name):
    made = network(ENCODERS[name])
    with torch.device("meta"):
        size = ENCODERS[name].input.size
        assert made_tokens(made, torch.zeros(1, 3, size, size)) == TOKENS[name]


def made_tokens(made: Any, x: torch.Tensor) -> int:
    return int(getattr(made, "trunk", made).forward_features(x).shape[1])


def test_licences_that_allow_commercial_use_are_told_apart():
    allowed = {name for name, encoder in ENCODERS.items() if encoder.commercial}
    assert allowed == {"morphology", "virchow", "h-optimus-0"}
    assert find_encoder("resnet18").commercial is None  # nobody stated a licence
    assert find_encoder("timm:test_vit").commercial is None


def test_every_encoder_but_the_built_in_has_a_page():
    assert all(encoder.page.startswith("https://") for encoder in NETWORKS)
    assert find_encoder("conch").page == "https://huggingface.co/MahmoodLab/conch"
    assert find_encoder("morphology").page == ""


def test_entries_of_earlier_checkpoints_are_read():
    values = find_encoder("uni").to_dict()
    del values["half"], values["input"]["resize"]
    assert Encoder.from_dict(values) == find_encoder("uni")


@pytest.mark.parametrize("encoder", NETWORKS, ids=names)
def test_every_encoder_gives_its_width(encoder):
    with torch.device("meta"):
        module = PatchEncoder(
            network(encoder), encoder.input, encoder.pool, half=encoder.half
        ).eval()
        patches = torch.zeros((2, 224, 224, 3), dtype=torch.uint8)
        assert module(patches).shape == (2, encoder.width)


@pytest.mark.parametrize(
    "encoder", [e for e in NETWORKS if e.pool.startswith("cls+patch_mean")], ids=names
)
def test_the_mean_over_patches_leaves_out_class_and_register_tokens(encoder):
    assert encoder.pool == f"cls+patch_mean:{network(encoder).num_prefix_tokens}"


def test_an_unknown_encoder_is_refused_with_the_names_there_are():
    with pytest.raises(
        EncoderError, match=r"Encoder 'unii' is unknown.*morphology, uni,.*timm:NAME"
    ):
        find_encoder("unii")


def test_every_transformer_can_be_pooled_over_its_centre():
    for name, width in (("uni", 2048), ("virchow2", 2560)):
        encoder = find_encoder(f"{name}:cls+centre")
        assert (encoder.pool, encoder.width) == ("cls+centre", width)
        with torch.device("meta"):
            module = PatchEncoder.of(encoder, network(encoder)).eval()
            assert module(torch.zeros((2, 224, 224, 3), dtype=torch.uint8)).shape == (2, width)
    with pytest.raises(EncoderError, match="'morphology' has no pooling cls"):
        find_encoder("morphology:cls+centre")


def test_any_model_of_timm_has_an_entry():
    assert find_encoder("timm:test_vit").architecture == "test_vit"


def test_the_registry_can_be_read_without_torch():
    code = "import sys, napari_stem.features.encoders.registry; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
