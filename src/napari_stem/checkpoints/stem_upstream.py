"""Weights of the published code, github.com/SichenZhu/Stem ("upstream").

They lie in checkpoints/STEP.pt, a dictionary of "model", "ema" and "opt". Nothing of these files is
executed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_stem.checkpoints.checkpoint import Checkpoint
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.checkpoints.stem_dataset import ENCODERS, load_tensors
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointNotFound,
    CheckpointUnreadable,
)
from napari_stem.features.condition import Condition
from napari_stem.features.patches import PAPER
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.model.readout import as_they_are
from napari_stem.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADS = 6
_WEIGHTS = ("ema", "model")
_NAMES = (
    (r"gene_joint_embed\.gene_name_ebd", "genes.identity"),
    (r"gene_joint_embed\.gene_count_ebd\.(\d)", r"genes.value.\1"),
    (r"time_embed\.mlp\.(\d)", r"time.\1"),
    (r"label_embed\.(\d)", r"histology.\1"),
    (r"blocks\.(\d+)\.attn\.qkv", r"blocks.\1.attention.qkv"),
    (r"blocks\.(\d+)\.attn\.proj", r"blocks.\1.attention.out"),
    (r"blocks\.(\d+)\.mlp\.fc1", r"blocks.\1.mlp.0"),
    (r"blocks\.(\d+)\.mlp\.fc2", r"blocks.\1.mlp.2"),
    (r"blocks\.(\d+)\.adaLN_modulation\.1", r"blocks.\1.modulation.1"),
    (r"final_layer\.adaLN_modulation\.1", "head.modulation.1"),
    (r"final_layer\.linear", "head.linear"),
)


def read_network(path: Path) -> StemNetwork:
    """The network of an upstream checkpoint, with its averaged weights.

    Raises
    ------
    CheckpointNotFound, CheckpointUnreadable
        The file is missing, damaged, or holds more than tensors.
    CheckpointMismatch
        Its tensors are not those of upstream's network.
    """
    if not path.is_file():
        raise CheckpointNotFound(f"There is no checkpoint at '{path}'. Check the path.")
    content = load_tensors(path, CheckpointUnreadable)
    if isinstance(content, Mapping):
        content = next((content[name] for name in _WEIGHTS if name in content), content)
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointUnreadable(f"The file has no named tensors. File: '{path}'.")
    weights = {_ours(str(name), path): value.float() for name, value in content.items()}
    config = _config(weights, path)
    network = StemNetwork(config)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = one_line(error)
        raise CheckpointMismatch(
            f"The tensors do not match the published network: {reason}. File: '{path}'."
        ) from error
    return network.eval()


def read_checkpoint(
    path: Path,
    panel: Sequence[str],
    embeddings: NDArray[np.float32],
    *,
    encoders: Sequence[str] = ENCODERS,
) -> Checkpoint:
    """An upstream checkpoint as one of this package, to predict with and to save.

    Parameters
    ----------
    panel
        Genes in the order of upstream's selected_gene_list.txt.
    embeddings
        (n, d) of its training spots (`UpstreamData.embeddings`), for distances to the training
        data.

    Raises
    ------
    CheckpointError
        The file cannot be used, or its numbers of genes or features differ.
    EncoderError
        This package lacks one of the encoders; `read_network` needs none.
    """
    network = read_network(path)
    recipe = make_recipe("paper", panel, encoders=encoders, geometry=PAPER)
    expected = {
        "genes": (network.config.n_genes, len(panel)),
        "features of an embedding": (network.config.condition_width, embeddings.shape[-1]),
        f"features of {'+'.join(encoders)}": (
            network.config.condition_width,
            recipe.network.condition_width,
        ),
    }
    for what, (here, there) in expected.items():
        if here != there:
            raise CheckpointMismatch(
                f"The network has {here} {what}, but {there} were given. Use the gene list "
                f"and the embeddings that it was trained with. File: '{path}'."
            )
    condition = Condition.fit(embeddings, components=None)
    scale, centre = np.diagonal(condition.axes), condition.mean
    network = _reading_standardised(network, centre, scale)
    recipe = replace(recipe, network=network.config)
    about = {"upstream": path.name, "spots": len(embeddings)}
    return Checkpoint(recipe, network, condition, as_they_are(len(panel)), about)


def _reading_standardised(
    network: StemNetwork, mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> StemNetwork:
    """The same network for conditions z = (embedding - mean) scale, where upstream's is raw.

    W e + b = (W / scale) z + (W mean + b); a feature that never varied has no z.
    """
    first = network.histology[0]
    assert isinstance(first, torch.nn.Linear)
    weight = first.weight.detach().double()
    spread = np.divide(1, scale, out=np.zeros_like(scale), where=scale > 0)
    with torch.no_grad():
        first.bias.add_((weight @ torch.from_numpy(mean).double()).float())
        first.weight.copy_((weight * torch.from_numpy(spread).double()).float())
    return network


def _ours(name: str, path: Path) -> str:
    stem, kind = name.removeprefix("module."), ""
    if stem.endswith((".weight", ".bias")):
        stem, _, kind = stem.rpartition(".")
    for theirs, ours in _NAMES:
        if re.fullmatch(theirs, stem):
            return re.sub(theirs, ours, stem) + (f".{kind}" if kind else "")
    raise CheckpointMismatch(
        f"The file has a tensor '{name}', which the published network lacks. File: '{path}'."
    )


def _config(weights: Mapping[str, Tensor], path: Path) -> NetworkConfig:
    """Sizes by the shapes of tensors; the number of heads, which has no trace in them, is 6."""
    try:
        n_genes, width = weights["genes.identity"].shape
        hidden, condition_width = weights["histology.0.weight"].shape
        depth = 1 + max(int(m[1]) for n in weights if (m := re.match(r"blocks\.(\d+)\.", n)))
        inner = weights["blocks.0.mlp.0.weight"].shape[0]
        outputs = weights["head.linear.weight"].shape[0]
    except (LookupError, ValueError) as error:
        raise CheckpointMismatch(
            f"The tensors do not match the published network: {error}. File: '{path}'."
        ) from error
    if depth > len(weights) or outputs not in (1, 2) or width % HEADS:
        raise CheckpointMismatch(
            f"{depth} blocks, {outputs} outputs per gene and width {width} do not match "
            f"the published network. File: '{path}'."
        )
    return NetworkConfig(
        n_genes,
        condition_width,
        width=width,
        depth=depth,
        heads=HEADS,
        mlp_ratio=inner / width,
        histology_width=hidden,
        learned_variance=outputs == 2,
    )
