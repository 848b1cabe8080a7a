"""CONCH's visual tower against its published construction, at a small size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from napari_stem.errors import EncoderError
from napari_stem.features.encoders.builders import build_encoder, make_network
from napari_stem.features.encoders.entry import Input
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.encoders.tensors import renamed

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

CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


def published_shapes(
    token_width: int, depth: int, grid: int, width: int, patch: int = 16
) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the published checkpoint, visual tower and samples of the rest."""
    d, w, shapes = token_width, width, {}
    trunk, pool = "visual.trunk.", "visual.attn_pool_contrast."
    shapes[trunk + "cls_token"] = (1, 1, d)
    shapes[trunk + "pos_embed"] = (1, 1 + grid**2, d)
    shapes[trunk + "patch_embed.proj.weight"] = (d, 3, patch, patch)
    shapes[trunk + "patch_embed.proj.bias"] = (d,)
    layers = {
        f"{trunk}blocks.{i}.{name}": sizes
        for i in range(depth)
        for name, sizes in {
            "norm1": (d,), "attn.qkv": (3 * d, d), "attn.proj": (d, d), "norm2": (d,),
            "mlp.fc1": (4 * d, d), "mlp.fc2": (d, 4 * d),
        }.items()
    }  # fmt: skip
    layers |= {trunk + "norm": (d,), pool + "ln_q": (w,), pool + "ln_k": (d,)}
    layers |= {pool + "attn.out_proj": (w, w), "visual.ln_contrast": (w,)}
    for name, sizes in layers.items():
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = sizes, sizes[:1]
    shapes[pool + "query"] = (1, w)
    shapes |= {pool + f"attn.{part}_proj_weight": (w, d) for part in "kv"}
    shapes |= {pool + "attn.q_proj_weight": (w, w), pool + "attn.in_proj_bias": (3 * w,)}
    shapes |= {"visual.proj_contrast": (w, w), "visual.attn_pool_caption.query": (4, d)}
    return shapes | {"visual.ln_caption.weight": (d,), "text.cls_emb": (d,), "logit_scale": ()}


def published(w: Weights, x: Tensor, depth: int, heads: int) -> Tensor:
    """`encode_image(x, proj_contrast=False, normalize=False)`, written out."""
    v = {name.removeprefix("visual."): value for name, value in w.items()}
    weight, bias = v["trunk.patch_embed.proj.weight"], v["trunk.patch_embed.proj.bias"]
    h = patch_tokens(weight, bias, x)
    h = torch.cat([v["trunk.cls_token"].expand(len(h), -1, -1), h], dim=1) + v["trunk.pos_embed"]
    for i in range(depth):
        name = f"trunk.blocks.{i}"
        q, k, u = linear(v, f"{name}.attn.qkv", norm(v, f"{name}.norm1", h, 1e-6)).chunk(3, -1)
        h = h + linear(v, f"{name}.attn.proj", attend(q, k, u, heads))
        h = h + linear(
            v,
            f"{name}.mlp.fc2",
            gelu(linear(v, f"{name}.mlp.fc1", norm(v, f"{name}.norm2", h, 1e-6))),
        )
    pool = "attn_pool_contrast"
    keys = norm(v, f"{pool}.ln_k", norm(v, "trunk.norm", h, 1e-6), 1e-5)
    query = norm(v, f"{pool}.ln_q", v[f"{pool}.query"], 1e-5).expand(len(x), 1, -1)
    maps = [v[f"{pool}.attn.{part}_proj_weight"] for part in "qkv"]
    biases = v[f"{pool}.attn.in_proj_bias"].chunk(3)
    inputs = (query, keys, keys)
    q, k, u = (a @ m.T + b for a, m, b in zip(inputs, maps, biases, strict=True))
    pooled = linear(v, f"{pool}.attn.out_proj", attend(q, k, u, 8))[:, 0]
    return norm(v, "ln_contrast", pooled, 1e-5)


SMALL = replace(
    find_encoder("conch"),
    width=64,
    architecture="vit_tiny_patch16_224",
    options=(("img_size", 64),),
    input=Input(64, *CLIP, resize=(40, 64)),
)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return random_weights(published_shapes(192, 12, 4, 64))


def test_it_describes_patches_as_the_published_code_does(weights, tmp_path):
    torch.save(weights, tmp_path / "pytorch_model.bin")
    patches = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    found = build_encoder(SMALL, tmp_path)(torch.from_numpy(patches))
    expected = published(weights, as_input(patches, (40, 64), 64, *CLIP), 12, 3)
    assert found.shape == (3, 64)
    # A few pixels round to another grey value than Pillow's fixed-point sums.
    torch.testing.assert_close(found, expected, atol=0.01, rtol=0.01)
    assert (found[0] - found[1]).abs().max() > 1


def test_every_part_of_the_tower_matters_and_the_rest_of_the_checkpoint_does_not(weights):
    network = make_network(SMALL)
    network.load_state_dict(renamed(weights))
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    expected = published(weights, x, 12, 3)
    with torch.no_grad():
        torch.testing.assert_close(network(x), expected, atol=1e-3, rtol=1e-3)
    for name in ("trunk.norm.weight", "attn_pool_contrast.ln_k.bias", "ln_contrast.weight"):
        other = weights | {f"visual.{name}": weights[f"visual.{name}"] + 1}
        assert (published(other, x, 12, 3) - expected).abs().max() > 0.01


def test_the_full_size_has_the_tensors_of_the_published_checkpoint():
    with torch.device("meta"):
        ours = make_network(find_encoder("conch")).state_dict()
        theirs = {n: torch.empty(s) for n, s in published_shapes(768, 12, 28, 512).items()}
    assert {n: t.shape for n, t in ours.items()} == {n: t.shape for n, t in renamed(theirs).items()}


def test_checkpoints_of_several_gpus_are_read(weights):
    assert renamed({f"module.{n}": t for n, t in weights.items()}).keys() == renamed(weights).keys()


def test_a_checkpoint_of_another_size_is_refused(weights, tmp_path):
    torch.save(weights, tmp_path / "small.bin")
    with pytest.raises(
        EncoderError, match=r"0 tensors are missing, 0 are unknown, 1 have another shape"
    ):
        build_encoder(replace(SMALL, options=(("img_size", 32),)), tmp_path / "small.bin")
