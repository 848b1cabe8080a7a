"""From a registry entry to a module that turns patches into vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data.config import resolve_model_data_config
from timm.layers.mlp import SwiGLUPacked
from torch import Tensor, nn

from napari_stem.encoders.morphology import Morphology
from napari_stem.encoders.registry import Encoder, Input
from napari_stem.errors import EncoderError

_LAYERS: dict[str, Callable[..., nn.Module]] = {"SwiGLUPacked": SwiGLUPacked, "SiLU": nn.SiLU}


def build_encoder(encoder: Encoder, weights: Path | None = None) -> nn.Module:
    """Make an encoder, ready to describe patches.

    Parameters
    ----------
    weights
        A file of weights (.safetensors, .pth, .bin); the hub is asked without one.

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
    options = {name: _LAYERS.get(value, value) for name, value in encoder.options}
    try:
        network = timm.create_model(encoder.architecture, num_classes=0, **options)
    except (RuntimeError, ValueError, TypeError) as error:
        raise EncoderError(f"timm cannot make '{encoder.architecture}': {error}.") from error
    _load(network, encoder, weights or _from_hub(encoder))
    expected = encoder.input if encoder.source != "timm" else _own_input(network)
    return TimmEncoder(network, expected, encoder.pool).eval()


class TimmEncoder(nn.Module):
    """A timm network with its normalisation before it and its pooling behind it."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, expected: Input, pool: str) -> None:
        super().__init__()
        self.network: Any = network
        self._size = expected.size
        self._pool = pool
        self.register_buffer("mean", torch.tensor(expected.mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(expected.std).view(1, 3, 1, 1))

    @torch.inference_mode()
    def forward(self, patches: Tensor) -> Tensor:
        """Vectors of a batch of uint8 patches."""
        x = patches.permute(0, 3, 1, 2).float() / 255
        if x.shape[-1] != self._size:
            x = F.interpolate(x, (self._size,) * 2, mode="bicubic", antialias=True).clamp(0, 1)
        tokens = self.network.forward_features((x - self.mean) / self.std)
        if self._pool == "pooled":
            return self.network.forward_head(tokens, pre_logits=True).float()  # type: ignore[no-any-return]
        return pool_tokens(tokens, self._pool).float()


def pool_tokens(tokens: Tensor, pool: str) -> Tensor:
    """(b, k, d) tokens to one vector each: "cls", or "cls+patch_mean:N" for patches from N on."""
    if pool == "cls":
        return tokens[:, 0]
    first_patch = int(pool.removeprefix("cls+patch_mean:"))
    return torch.cat([tokens[:, 0], tokens[:, first_patch:].mean(1)], dim=1)


def _own_input(network: nn.Module) -> Input:
    config = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    return Input(config["input_size"][-1], tuple(config["mean"]), tuple(config["std"]))


def _load(network: nn.Module, encoder: Encoder, weights: Path) -> None:
    try:
        if weights.suffix == ".safetensors":
            state = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise EncoderError(f"{encoder.name}: there are no weights at '{weights}'.") from error
    except Exception as error:
        kind = "damaged" if isinstance(error, SafetensorError) else "not a file of plain tensors"
        raise EncoderError(f"{encoder.name}: '{weights}' is {kind}.") from error
    heads = [name for name in state if name.startswith(("head.", "fc.", "classifier."))]
    found = network.load_state_dict(
        {name: value for name, value in state.items() if name not in heads}, strict=False
    )
    if found.missing_keys or found.unexpected_keys:
        raise EncoderError(
            f"{encoder.name}: '{weights}' belongs to another architecture: "
            f"{len(found.missing_keys)} tensors are missing, {len(found.unexpected_keys)} unknown "
            f"(for example {[*found.missing_keys, *found.unexpected_keys][0]})."
        )


def _from_hub(encoder: Encoder) -> Path:
    """The weights in the hub's cache, or downloaded into it; the hub keeps the user's token."""
    if encoder.source == "timm":
        raise EncoderError(
            f"{encoder.name} needs a local file of weights: --weights {encoder.name}=FILE."
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError

    owner_name = encoder.source.removeprefix("hf:")
    for name in ("model.safetensors", "pytorch_model.bin"):
        try:
            return Path(hf_hub_download(owner_name, name, revision=encoder.revision))
        except RemoteEntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError, ValueError) as error:
            gate = (
                " after requesting access on its page and `hf auth login`" if encoder.gated else ""
            )
            raise EncoderError(
                f"the weights of {encoder.name} are not here and could not be fetched from "
                f"huggingface.co/{owner_name} ({type(error).__name__}). Download them{gate}, or "
                f"give a local file: --weights {encoder.name}=FILE."
            ) from error
    raise EncoderError(f"huggingface.co/{owner_name} holds no weights that can be read safely.")
