"""Published weights as tensors by the names that timm, or `conch`, has for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from napari_stem.errors import EncoderError

State = dict[str, Tensor]

_HEADS = ("head.", "fc.", "classifier.")
_PARALLEL, _CONCH, _CIGA = "module.", "visual.", ("model.resnet.", "model.", "resnet.")
_CONCH_UNUSED = ("proj_contrast", "attn_pool_caption.", "ln_caption.")
_DINOV2 = (
    (r"^embeddings\.cls_token$", "cls_token"),
    (r"^embeddings\.position_embeddings$", "pos_embed"),
    (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
    (r"^encoder\.layer\.", "blocks."),
    (r"\.attention\.output\.dense\.", ".attn.proj."),
    (r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
    (r"^layernorm\.", "norm."),
)
_QKV = re.compile(r"^encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(\w+)$")


def read_tensors(path: Path) -> State:
    """The tensors of a file of weights, without its classifier. Executes no code of the file.

    Raises
    ------
    EncoderError
        The file is missing or damaged, or holds something other than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            state: Any = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise EncoderError(f"There is no weights file at '{path}'. Check the path.") from error
    except Exception as error:
        kind = "damaged" if isinstance(error, SafetensorError) else "not a file of plain tensors"
        raise EncoderError(f"The weights file is {kind}. File: '{path}'.") from error
    named = renamed(state.get("state_dict", state)) if isinstance(state, Mapping) else {}
    if not named:
        raise EncoderError(f"The weights file has no named tensors. File: '{path}'.")
    return named


def renamed(state: Mapping[str, object]) -> State:
    """Tensors by timm's names, whichever of the known publications they come from."""
    tensors = {
        name.removeprefix(_PARALLEL): value
        for name, value in state.items()
        if isinstance(value, Tensor)
    }
    if any(name.startswith(_CONCH + "trunk.") for name in tensors):
        tensors = below(_CONCH, tensors)
        return {k: v for k, v in tensors.items() if not k.startswith(_CONCH_UNUSED)}
    for prefix in _CIGA:
        if f"{prefix}conv1.weight" in tensors:
            tensors = below(prefix, tensors)
    if "embeddings.cls_token" in tensors:
        tensors = _from_transformers(tensors)
    return {name: value for name, value in tensors.items() if not name.startswith(_HEADS)}


def _from_transformers(tensors: State) -> State:
    """DINOv2 as `transformers` has it: query, key and value apart, and a mask for training."""
    named: State = {}
    qkv: dict[str, State] = {}
    for name, value in tensors.items():
        if found := _QKV.match(name):
            block, part, kind = found.groups()
            qkv.setdefault(f"blocks.{block}.attn.qkv.{kind}", {})[part] = value
        elif name != "embeddings.mask_token":
            for pattern, replacement in _DINOV2:
                name = re.sub(pattern, replacement, name)
            named[name] = value
    for name, parts in qkv.items():
        if len(parts) == 3:
            named[name] = torch.cat([parts[part] for part in ("query", "key", "value")])
    return named


def below(prefix: str, tensors: Mapping[str, Tensor]) -> State:
    """Tensors whose names start with a prefix, without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
