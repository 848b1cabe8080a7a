"""Weights under the names that their authors gave, against plain constructions of the networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import Tensor

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.builders import build_encoder, make_network
from napari_stem.features.encoders.entry import Input
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.encoders.tensors import read_tensors, renamed

from .plain import (
    Weights,
    as_input,
    attend,
    gelu,
    linear,
    norm,
    patch_tokens,
    random_weights,
)

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def dinov2_shapes(d: int, depth: int, grid: int, patch: int = 16) -> dict[str, tuple[int, ...]]:
    """Names and shapes that `transformers` has for DINOv2 without SwiGLU."""
    patches = "embeddings.patch_embeddings.projection"
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, d), "embeddings.mask_token": (1, d),
        "embeddings.position_embeddings": (1, 1 + grid**2, d),
        f"{patches}.weight": (d, 3, patch, patch), f"{patches}.bias": (d,),
    }  # fmt: skip
    layers: dict[str, tuple[int, ...]] = {"layernorm": (d,)}
    for i in range(depth):
        name = f"encoder.layer.{i}"
        layers |= {f"{name}.attention.attention.{p}": (d, d) for p in ("query", "key", "value")}
        layers |= {f"{name}.attention.output.dense": (d, d), f"{name}.norm1": (d,)}
        layers |= {f"{name}.mlp.fc1": (4 * d, d), f"{name}.mlp.fc2": (d, 4 * d)}
        layers[f"{name}.norm2"] = (d,)
        shapes |= {f"{name}.layer_scale{n}.lambda1": (d,) for n in (1, 2)}
    for name, sizes in layers.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = sizes, sizes[:1]
    return shapes


def dinov2(w: Weights, x: Tensor, depth: int, heads: int) -> Tensor:
    """`last_hidden_state[:, 0]` of transformers' Dinov2Model, written out."""
    name = "embeddings.patch_embeddings.projection"
    h = patch_tokens(w[f"{name}.weight"], w[f"{name}.bias"], x)
    h = torch.cat([w["embeddings.cls_token"].expand(len(h), -1, -1), h], dim=1)
    h = h + w["embeddings.position_embeddings"]
    for i in range(depth):
        name = f"encoder.layer.{i}"
        n = norm(w, f"{name}.norm1", h, 1e-6)
        q, k, v = (
            linear(w, f"{name}.attention.attention.{p}", n) for p in ("query", "key", "value")
        )
        attended = linear(w, f"{name}.attention.output.dense", attend(q, k, v, heads))
        h = h + w[f"{name}.layer_scale1.lambda1"] * attended
        m = gelu(linear(w, f"{name}.mlp.fc1", norm(w, f"{name}.norm2", h, 1e-6)))
        h = h + w[f"{name}.layer_scale2.lambda1"] * linear(w, f"{name}.mlp.fc2", m)
    return norm(w, "layernorm", h, 1e-6)[:, 0]


def test_phikon_describes_patches_as_transformers_does(tmp_path):
    weights = random_weights(dinov2_shapes(192, 12, 4))
    torch.save(weights, tmp_path / "pytorch_model.bin")
    entry = replace(
        find_encoder("phikon-v2"), architecture="vit_tiny_patch16_224", input=Input(64),
        options=(("init_values", 1.0), ("img_size", 64)),
    )  # fmt: skip
    patches = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    found = build_encoder(entry, tmp_path)(torch.from_numpy(patches))
    expected = dinov2(weights, as_input(patches, (), 64, *IMAGENET), 12, 3)
    # Single precision through twelve blocks.
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    assert (found[0] - found[1]).abs().max() > 0.01


def test_phikon_in_full_size_has_the_tensors_of_dinov2():
    with torch.device("meta"):
        ours = make_network(find_encoder("phikon-v2")).state_dict()
        theirs = {n: torch.empty(s) for n, s in dinov2_shapes(1024, 24, 14).items()}
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in renamed(theirs).items()}


@pytest.mark.parametrize("prefix", ["", "model.", "resnet.", "model.resnet."])
def test_resnet18_describes_patches_as_torchvision_does(tmp_path, prefix):
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    for name, value in network.state_dict().items():
        if "running" in name:
            value.add_(torch.rand(value.shape) / 10)
    network.fc = torch.nn.Identity()
    state = {prefix + name: value for name, value in network.eval().state_dict().items()}
    heads = {
        f"{prefix}fc.{i}.{kind}": torch.zeros(4) for i in (1, 3) for kind in ("weight", "bias")
    }
    path = tmp_path / "pytorchnative_tenpercent_resnet18.ckpt"
    torch.save({"epoch": 99, "state_dict": state | heads}, path)
    patches = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    found = build_encoder(find_encoder("resnet18"), path)(torch.from_numpy(patches))
    with torch.no_grad():
        expected = network(as_input(patches, (), 224, *IMAGENET))
    # Single precision through eighteen layers.
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_file_without_named_tensors_is_refused(tmp_path):
    for content in ([torch.zeros(2)], {"epoch": 3}, torch.zeros(2)):
        torch.save(content, tmp_path / "other.pth")
        with pytest.raises(EncoderError, match=r"no named tensors.*other\.pth'"):
            read_tensors(tmp_path / "other.pth")
