"""Whether a checkpoint's file is whole: bounds, shapes, finite numbers and a checksum.

What the recipe needs is compared with what the file holds before any memory is taken for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from napari_stem.checkpoints.recipe import Recipe
from napari_stem.errors import CheckpointMismatch, CheckpointUnreadable
from napari_stem.model.network import StemNetwork
from napari_stem.text import one_line

CHECKSUM = "napari_stem.checksum"
_MOST_BLOCKS = 1000
_MOST_PIXELS = 8192  # on a side of a patch
_MOST_STEPS = 1_000_000  # of the noise schedule
_FLOATS = ("F16", "BF16", "F32", "F64")
_AXES = {  # a letter an axis; the same letter is the same size
    "condition.mean": "d", "condition.axes": "dS", "condition.noise": "S",
    "condition.references": "mr", "condition.distance_axes": "dr", "condition.reach": "",
    "target.mean": "c", "target.std": "c", "target.base": "Sq", "target.spread": "q",
    "target.loadings": "qc", "target.bias": "c", "target.log_size": "c", "target.depth": "",
}  # fmt: skip
_AGAIN = "Get the file again from its source."


def checksum(header: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """A digest of all that a checkpoint says: its header, and its tensors by name."""
    said = sorted((name, text) for name, text in header.items() if name != CHECKSUM)
    digest = hashlib.blake2b(repr(said).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_tensors(file: Any, recipe: Recipe, network: str, path: Path) -> dict[str, Tensor]:
    """All tensors of an opened file.

    Parameters
    ----------
    network
        The prefix of the network's tensors.

    Raises
    ------
    CheckpointMismatch
        The network of the recipe has other tensors than the file.
    CheckpointUnreadable
        The file is damaged.
    """
    _check_bounds(recipe, path)
    try:
        names = list(file.keys())
        slices = {name: file.get_slice(name) for name in names}
        found = {name: tuple(part.get_shape()) for name, part in slices.items()}
        kinds = {name: part.get_dtype() for name, part in slices.items()}
        _check_network(recipe, found, network, path)
        _check_axes(found, path)
        tensors = {name: file.get_tensor(name) for name in names}
        header = file.metadata()
    except SafetensorError as error:
        raise _damaged(one_line(error), path) from error
    for name, tensor in tensors.items():
        if kinds[name] not in _FLOATS:
            raise _damaged(f"tensor {name} has type {kinds[name]}", path)
        if not bool(torch.isfinite(tensor).all()):
            raise _damaged(f"tensor {name} holds values that are not finite", path)
    if CHECKSUM in header and header[CHECKSUM] != checksum(header, tensors):
        raise _damaged("its content does not match its checksum", path)
    return tensors


def _check_bounds(recipe: Recipe, path: Path) -> None:
    sizes = {
        "blocks": (recipe.network.depth, _MOST_BLOCKS),
        "pixels a side of a patch": (recipe.geometry.size, _MOST_PIXELS),
        "steps of noise": (recipe.diffusion.steps, _MOST_STEPS),
    }
    for what, (size, most) in sizes.items():
        if size > most:
            raise CheckpointMismatch(
                f"The recipe asks for {size:,} {what}; at most {most:,} are possible. {_AGAIN} "
                f"File: '{path}'."
            )


def _check_network(
    recipe: Recipe, found: Mapping[str, tuple[int, ...]], prefix: str, path: Path
) -> None:
    try:
        with torch.device("meta"):  # which takes no memory, whatever the sizes
            wanted = StemNetwork(recipe.network).state_dict()
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        raise _differs(one_line(error), path) from error
    shapes = {prefix + name: tuple(tensor.shape) for name, tensor in wanted.items()}
    here = {name: shape for name, shape in found.items() if name.startswith(prefix)}
    for name in sorted(shapes.keys() | here.keys()):
        if shapes.get(name) != here.get(name):
            expected, got = (_shown(sizes.get(name)) for sizes in (shapes, here))
            raise _differs(f"{name} is {got}, the recipe needs {expected}", path)


def _check_axes(found: Mapping[str, tuple[int, ...]], path: Path) -> None:
    sizes: dict[str, int] = {}
    for name, letters in _AXES.items():
        shape = found.get(name)
        if shape is None:
            continue
        if not letters and shape == (1,):  # as numpy stores a single number
            continue
        agrees = len(shape) == len(letters) and all(
            0 < size == sizes.setdefault(letter, size)
            for letter, size in zip(letters, shape, strict=True)
        )
        if not agrees:
            raise _differs(f"{name} is {_shown(shape)}, which contradicts other tensors", path)


def _shown(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " x ".join(map(str, shape)) or "one number"


def _differs(why: str, path: Path) -> CheckpointMismatch:
    return CheckpointMismatch(
        f"The checkpoint's tensors do not match its recipe: {why}. {_AGAIN} File: '{path}'."
    )


def _damaged(why: str, path: Path) -> CheckpointUnreadable:
    return CheckpointUnreadable(f"The checkpoint is damaged: {why}. {_AGAIN} File: '{path}'.")
