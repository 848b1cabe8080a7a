"""From a registry entry to a module that turns patches into vectors."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_stem.errors import EncoderError, StemError
from napari_stem.features.encoders.conch import ConchVisual
from napari_stem.features.encoders.entry import CENTRE, Encoder, Input
from napari_stem.features.encoders.hub import fetch_weights, weights_file
from napari_stem.features.encoders.morphology import Morphology
from napari_stem.features.encoders.tensors import read_tensors
from napari_stem.text import one_line


def build_encoder(encoder: Encoder, weights: Path | None = None) -> nn.Module:
    """Make an encoder, ready to describe patches.

    Parameters
    ----------
    weights
        A file of weights (.safetensors, .pth, .bin, .ckpt) or a folder with one; the hub is
        asked without it.

    Returns
    -------
    A module in evaluation mode: (b, s, s, 3) uint8 -> (b, width of one field) float32.

    Raises
    ------
    EncoderError
        The weights are missing, damaged, or of another architecture.
    """
    if encoder.source == "built-in":
        return Morphology().eval()
    if encoder.build is not None:
        return PatchEncoder.of(encoder, _built(encoder, weights)).eval()
    file = fetch_weights(encoder) if weights is None else weights_file(encoder, weights)
    network = make_network(encoder)
    _load(network, encoder, file)
    if encoder.source == "timm":
        encoder = replace(encoder, input=_own_input(network))
    return PatchEncoder.of(encoder, network).eval()


def _built(encoder: Encoder, weights: Path | None) -> nn.Module:
    """The network that a plugin brings."""
    if isinstance(encoder.build, nn.Module):
        return encoder.build
    assert encoder.build is not None
    try:
        network = encoder.build(weights)
    except StemError:
        raise
    except Exception as error:
        raise EncoderError(
            f"The plugin of encoder {encoder.name} could not build the network: {one_line(error)}."
        ) from error
    if not isinstance(network, nn.Module):
        raise EncoderError(
            f"The plugin of encoder {encoder.name} built a {type(network).__name__}; a "
            "torch.nn.Module is needed."
        )
    return network


def make_network(encoder: Encoder) -> nn.Module:
    """The entry's network, with weights that mean nothing yet.

    Raises
    ------
    EncoderError
        timm lacks the architecture.
    """
    import timm  # loads torchvision and the compiler of torch; the built-in encoder needs none
    from timm.layers.mlp import SwiGLUPacked

    layers = {"SwiGLUPacked": SwiGLUPacked, "SiLU": nn.SiLU}
    options: dict[str, Any] = {name: layers.get(value, value) for name, value in encoder.options}
    try:
        network: Any = timm.create_model(encoder.architecture, num_classes=0, **options)
    except (RuntimeError, ValueError, TypeError) as error:
        raise EncoderError(
            f"timm cannot build '{encoder.architecture}': {one_line(error)}."
        ) from error
    if encoder.pool == "contrast":
        return ConchVisual(network, network.num_features, encoder.width)
    return network  # type: ignore[no-any-return]


class PatchEncoder(nn.Module):
    """A network with its resizing and normalisation before it and its pooling behind it."""

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, expected: Input, pool: str, *, half: bool = False
    ) -> None:
        super().__init__()
        self.network: Any = network
        self._sides = expected.resize or (expected.size,)
        self._size = expected.size
        self._pool = pool
        self._half = half
        self.register_buffer("mean", torch.tensor(expected.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(expected.std).view(1, 3, 1, 1))

    @classmethod
    def of(cls, encoder: Encoder, network: nn.Module) -> PatchEncoder:
        """A network as its entry says."""
        return cls(network, encoder.input, encoder.pool, half=encoder.half)

    @torch.inference_mode()
    def forward(self, patches: Tensor) -> Tensor:
        """Vectors of a batch of uint8 patches."""
        x = patches.permute(0, 3, 1, 2).float()
        for side in self._sides:
            x = resize(x, side)
        x = (centre(x, self._size) / 255 - self.mean) / self.std
        if self._half and x.device.type == "cuda":
            with torch.autocast("cuda", torch.float16):
                return self._vectors(x).float()
        return self._vectors(x).float()

    def _vectors(self, x: Tensor) -> Tensor:
        if self._pool in ("contrast", "own"):
            return self.network(x)  # type: ignore[no-any-return]
        tokens = self.network.forward_features(x)
        if self._pool == "pooled":
            return self.network.forward_head(tokens, pre_logits=True)  # type: ignore[no-any-return]
        return pool_tokens(tokens, self._pool, getattr(self.network, "num_prefix_tokens", 1))


def resize(x: Tensor, side: int) -> Tensor:
    """(b, 3, s, s) grey values 0 to 255 to `side` pixels, bicubic and rounded as Pillow does."""
    if x.shape[-1] == side:
        return x
    device = x.device
    x = x.cpu() if device.type == "mps" else x  # PyTorch lacks this filter on Apple's GPUs
    for shape in ((x.shape[-2], side), (side, side)):
        x = F.interpolate(x, shape, mode="bicubic", antialias=True)
        x = (x + 0.5).floor().clamp(0, 255)  # halves up
    return x.to(device)


def centre(x: Tensor, side: int) -> Tensor:
    """The middle `side` pixels of (b, 3, s, s)."""
    start = (x.shape[-1] - side) // 2
    return x[..., start : start + side, start : start + side]


def pool_tokens(tokens: Tensor, pool: str, prefix: int = 1) -> Tensor:
    """(b, k, d) tokens to one vector each, by `Encoder.pool`.

    Parameters
    ----------
    prefix
        How many tokens stand before those of the patch, whose rows follow each other.
    """
    if pool == "cls":
        return tokens[:, 0]
    if pool == CENTRE:
        side = math.isqrt(tokens.shape[1] - prefix)
        middle = slice(side // 4, side - side // 4)
        grid = tokens[:, prefix:].reshape(len(tokens), side, side, -1)  # (b, rows, columns, d)
        return torch.cat([tokens[:, 0], grid[:, middle, middle].mean((1, 2))], dim=1)
    first_patch = int(pool.removeprefix("cls+patch_mean:"))
    return torch.cat([tokens[:, 0], tokens[:, first_patch:].mean(1)], dim=1)


def _own_input(network: nn.Module) -> Input:
    from timm.data.config import resolve_model_data_config

    config = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    return Input(config["input_size"][-1], tuple(config["mean"]), tuple(config["std"]))


def _load(network: nn.Module, encoder: Encoder, weights: Path) -> None:
    try:
        state = read_tensors(weights)
    except EncoderError as error:
        raise EncoderError(f"Encoder {encoder.name}: {error}") from error
    ours = network.state_dict()
    counters = {name for name in ours if name.endswith("num_batches_tracked")}  # of training alone
    missing = sorted(ours.keys() - state - counters)
    unknown = sorted(state.keys() - ours)
    other = [name for name in ours.keys() & state if ours[name].shape != state[name].shape]
    if wrong := [*missing, *unknown, *sorted(other)]:
        raise EncoderError(
            f"The weights do not match encoder {encoder.name}: {len(missing)} tensors are "
            f"missing, {len(unknown)} are unknown, {len(other)} have another shape (for "
            f"example {wrong[0]}). File: '{weights}'."
        )
    network.load_state_dict(state, strict=False)
