"""Data sets and weights of the published code, github.com/SichenZhu/Stem ("upstream").

A data set has HEST's layout and a folder "processed_data": all_slide_lst.txt and
selected_gene_list.txt, one name a line; for each encoder 1spot_ENCODER_ebd/SLIDE_ENCODER.pt with
(n, d) embeddings of the spots in the order of st/SLIDE.h5ad, and 1spot_ENCODER_ebd_aug/
SLIDE_ENCODER_aug.pt with (n, 7, d) of their flips and turns. Weights lie in checkpoints/STEP.pt,
a dictionary of "model", "ema" and "opt". Nothing of these files is executed.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from napari_stem.checkpoints.checkpoint import Checkpoint
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.errors import (
    CheckpointMismatch,
    CheckpointNotFound,
    CheckpointUnreadable,
    SpotsError,
    SpotsNotFound,
)
from napari_stem.features.condition import Condition
from napari_stem.features.patches import PAPER
from napari_stem.genes.panels import read_panel
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.text import a_few, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODERS = ("uni", "conch")  # in the order of their numbers in a condition
HEADS = 6
_SLIDES, _GENES = "all_slide_lst.txt", "selected_gene_list.txt"
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


@dataclass(frozen=True, slots=True)
class UpstreamData:
    """A data set that upstream's notebook processed.

    Attributes
    ----------
    slides, panel
        Names of its slides, and genes in the order of the network's outputs.
    encoders
        Of which there are embeddings, in the order of their numbers.
    """

    root: Path
    slides: tuple[str, ...]
    panel: tuple[str, ...]
    encoders: tuple[str, ...]

    def spots(self, slide: str) -> Path:
        """The spot table of a slide, for `open_section`."""
        return self.root / "st" / f"{slide}.h5ad"

    def embeddings(self, slide: str) -> NDArray[np.float32]:
        """(n, d) conditions of a slide's spots.

        Raises
        ------
        SpotsError
            A file is missing or damaged, or the encoders saw different spots.
        """
        return self._joined(slide, "", 2)

    def augmented(self, slide: str) -> NDArray[np.float32]:
        """(n, 7, d) conditions of each spot's patch, flipped and turned as by PIL's Transpose 0-6.

        Raises
        ------
        SpotsError
            As `embeddings`.
        """
        return self._joined(slide, "_aug", 3)

    def _joined(self, slide: str, kind: str, dimensions: int) -> NDArray[np.float32]:
        if slide not in self.slides:
            raise SpotsError(
                f"There is no slide '{slide}' in this data set; it has "
                f"{a_few(self.slides, most=6)}. Folder: '{self.root}'."
            )
        parts = []
        for encoder in self.encoders:
            path = _processed(self.root) / _folder(encoder, kind) / f"{slide}_{encoder}{kind}.pt"
            vectors = _load(path, SpotsError)
            if not isinstance(vectors, Tensor) or vectors.ndim != dimensions:
                raise SpotsError(
                    f"The embeddings must be a tensor of {dimensions} dimensions. File: '{path}'."
                )
            parts.append(vectors.detach().float().numpy())
        if len({part.shape[:-1] for part in parts}) > 1:
            shapes = ", ".join(
                f"{name} {part.shape}" for name, part in zip(self.encoders, parts, strict=True)
            )
            raise SpotsError(
                f"The encoders have embeddings of different spots for {slide}: {shapes}."
            )
        return np.concatenate(parts, axis=-1)


def is_upstream(root: Path) -> bool:
    """Whether a folder is a processed data set of upstream."""
    processed = _processed(root)
    return (processed / _SLIDES).is_file() and (processed / _GENES).is_file()


def open_upstream(root: Path, *, encoders: Sequence[str] = ENCODERS) -> UpstreamData:
    """Read the lists of a processed data set.

    Raises
    ------
    SpotsNotFound
        The folder is not such a data set, or lacks the embeddings of an encoder.
    PanelError
        A list is empty or names something twice.
    """
    if not is_upstream(root):
        raise SpotsNotFound(
            "This is not a processed data set of the published code: "
            f"processed_data/{_SLIDES} and {_GENES} are missing. Folder: '{root}'."
        )
    for encoder in encoders:
        folder = _processed(root) / _folder(encoder, "")
        if not folder.is_dir():
            raise SpotsNotFound(
                f"The data set has no embeddings of {encoder}: this folder is missing. Folder: "
                f"'{folder}'."
            )
    slides, panel = (tuple(read_panel(_processed(root) / name)) for name in (_SLIDES, _GENES))
    return UpstreamData(root, slides, panel, tuple(encoders))


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
    content = _load(path, CheckpointUnreadable)
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
    genes = len(panel)
    about = {"upstream": path.name, "spots": len(embeddings)}
    return Checkpoint(
        recipe, network, condition, np.zeros(genes, np.float32), np.ones(genes, np.float32), about
    )


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


def _processed(root: Path) -> Path:
    return root / "processed_data"


def _folder(encoder: str, kind: str) -> str:
    return f"1spot_{encoder}_ebd{kind}"


def _load(path: Path, error: type[SpotsError | CheckpointUnreadable]) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError,
            pickle.UnpicklingError) as cause:  # fmt: skip
        reason = one_line(cause)
        raise error(
            f"The file could not be read as PyTorch tensors: {reason}. File: '{path}'."
        ) from cause


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
