"""A trained model in one safetensors file that carries its recipe and refuses a mismatch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_stem.checkpoints.about import read_description
from napari_stem.checkpoints.integrity import CHECKSUM, checksum, read_tensors
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.checkpoints.starter import checkpoint_file
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointUnreadable,
    WrongType,
)
from napari_stem.features.condition import Condition
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.features.encoders.tensors import below
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import Counts, Readout, Scaled
from napari_stem.storage import as_path, atomic_path
from napari_stem.text import counted, one_line

_RECIPE, _ABOUT = "napari_stem.recipe", "napari_stem.about"
_NETWORK, _CONDITION, _TARGET = "network.", "condition.", "target."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that a prediction needs, apart from the slide and spots.

    Attributes
    ----------
    network
        With averaged weights, in evaluation mode, on the CPU.
    readout
        Turns numbers of the network into values in the log space of the recipe.
    about
        Description: training slides, number of spots, held-out metrics, versions.
    path
        The file it was read from, if it was.
    """

    recipe: Recipe
    network: StemNetwork
    condition: Condition
    readout: Readout
    about: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def __post_init__(self) -> None:
        self.network.eval()

    def __repr__(self) -> str:
        known = self.about.get("spots")
        learned = f", trained on {counted(known, 'spot')}" if known else ""
        return f"<Checkpoint of {self.recipe!r}{learned}>"

    @property
    def fingerprint(self) -> str:
        """The same only for the same recipe, weights and condition."""
        digest = hashlib.blake2b(self.recipe.to_json().encode(), digest_size=16)
        for value in (*self.network.state_dict().values(), *self.readout.tensors().values()):
            digest.update(value.cpu().numpy().tobytes())
        for array in self.condition.tensors().values():
            digest.update(array.tobytes())
        return digest.hexdigest()


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> Path:
    """Write a checkpoint; what stood at `path` stays until the new one is whole.

    Parameters
    ----------
    checkpoint
        What `train` made.
    path
        A .safetensors file.

    Returns
    -------
    The path.

    Raises
    ------
    StorageError
        The file cannot be written.

    Examples
    --------
    >>> path = stem.save_checkpoint(checkpoint, folder / "breast.safetensors")
    """
    path = as_path(path, "the file to write")
    if not isinstance(checkpoint, Checkpoint):
        raise WrongType.of("checkpoint", checkpoint, "a checkpoint")
    arrays = {_CONDITION + name: value for name, value in checkpoint.condition.tensors().items()}
    tensors = {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()}
    weights = checkpoint.network.state_dict()
    tensors |= {_NETWORK + name: value.contiguous() for name, value in weights.items()}
    readout = checkpoint.readout.tensors()
    tensors |= {_TARGET + name: value.contiguous() for name, value in readout.items()}
    header = {
        "format": "pt",
        _RECIPE: checkpoint.recipe.to_json(),
        _ABOUT: json.dumps(dict(checkpoint.about)),
    }
    header[CHECKSUM] = checksum(header, tensors)
    with atomic_path(path) as draft:
        draft.write_bytes(save(tensors, header))  # save_file makes a file for its owner alone
    return path


def read_about(path: str | Path) -> tuple[Recipe, dict[str, Any]]:
    """Recipe and description of a checkpoint, without its weights.

    Raises
    ------
    CheckpointNotFound, CheckpointUnreadable, CheckpointMismatch
        As `load_checkpoint`.
    """
    path = checkpoint_file(path)
    with _opened(path) as file:
        return _header(file, path)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint. Executes no code of the file.

    Parameters
    ----------
    path
        A .safetensors file that `train` or `save_checkpoint` wrote, or "starter" for the checkpoint
        that comes with the package.

    Returns
    -------
    Network, recipe, condition, and what is known of its training (`about`).

    Raises
    ------
    CheckpointNotFound
        There is no such file.
    CheckpointUnreadable
        The file is damaged or is no checkpoint of this package.
    CheckpointMismatch
        Its schema, its encoders or its tensors differ from what the recipe needs.

    Examples
    --------
    >>> stem.load_checkpoint(checkpoint_file).recipe.panel[0]
    'EPCAM'
    """
    path = checkpoint_file(as_path(path, "a checkpoint"))
    with _opened(path) as file:
        recipe, about = _header(file, path)
        tensors = read_tensors(file, recipe, _NETWORK, path)
    recipe = replace(recipe, encoders=tuple(_known(entry, path) for entry in recipe.encoders))
    network = StemNetwork(recipe.network)
    try:
        network.load_state_dict(below(_NETWORK, tensors))
        condition = Condition.from_tensors(
            {name: tensor.numpy() for name, tensor in below(_CONDITION, tensors).items()}
        )
        readout = (Counts if recipe.factors else Scaled)(**below(_TARGET, tensors))
    except (RuntimeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointMismatch(
            f"The checkpoint's tensors do not match its recipe: {one_line(error)}. Get the "
            f"file again from its source. File: '{path}'."
        ) from error
    _check_widths(recipe, condition, readout, path)
    return Checkpoint(recipe, network.eval(), condition, readout, about, path)


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, framework="pt", device="cpu")
    except (SafetensorError, OSError) as error:
        raise CheckpointUnreadable(
            f"This is not a checkpoint, or it is damaged: {one_line(error)}. Choose a "
            ".safetensors file from training, or get the file again from its source. "
            f"File: '{path}'."
        ) from error


def _header(file: Any, path: Path) -> tuple[Recipe, dict[str, Any]]:
    header = file.metadata() or {}
    if _RECIPE not in header:
        raise CheckpointUnreadable(
            "The file has weights but no napari-stem recipe. Use a checkpoint that "
            f"napari-stem trained. File: '{path}'."
        )
    recipe = Recipe.from_json(header[_RECIPE], f"'{path}'")
    try:
        return recipe, read_description(header.get(_ABOUT, "{}"))
    except ValueError as error:
        raise CheckpointUnreadable(
            f"The checkpoint is damaged: its description is not valid ({one_line(error)}). Get "
            f"the file again from its source. File: '{path}'."
        ) from error


def _known(encoder: Encoder, path: Path) -> Encoder:
    """The registry's entry, whose source, licence and gate may be newer than the file's."""
    known = find_encoder(encoder.name)
    if differing := encoder.differences(known):
        raise CheckpointMismatch(
            "The checkpoint was trained with another version of the encoder "
            f"{encoder.name}: {', '.join(differing)}. Install the napari-stem version that "
            f"trained it, or train again. File: '{path}'."
        )
    return known


def _check_widths(recipe: Recipe, condition: Condition, readout: Readout, path: Path) -> None:
    found: dict[str, tuple[int, ...]] = {
        "genes": (len(recipe.panel), readout.n_genes),
        "numbers of the network": (recipe.network.n_genes, readout.width),
        "components of the condition": (recipe.network.condition_width, condition.width),
    }
    if recipe.embedding_width:
        found["features per spot"] = (recipe.embedding_width, len(condition.mean))
    for what, sizes in found.items():
        if len(set(sizes)) > 1:
            raise CheckpointMismatch(
                f"The checkpoint contradicts itself on the number of {what}: "
                f"{', '.join(map(str, sizes))}. Get the file again from its source. File: "
                f"'{path}'."
            )
