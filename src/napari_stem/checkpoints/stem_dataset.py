"""Data sets of the published code, github.com/SichenZhu/Stem ("upstream").

A data set has HEST's layout and a folder "processed_data": all_slide_lst.txt and
selected_gene_list.txt, one name a line; for each encoder 1spot_ENCODER_ebd/SLIDE_ENCODER.pt with
(n, d) embeddings of the spots in the order of st/SLIDE.h5ad, and 1spot_ENCODER_ebd_aug/
SLIDE_ENCODER_aug.pt with (n, 7, d) of their flips and turns. Nothing of these files is executed.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from napari_stem.errors import CheckpointUnreadable, SpotsError, SpotsNotFound
from napari_stem.genes.panels import read_panel
from napari_stem.text import a_few, one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENCODERS = ("uni", "conch")  # in the order of their numbers in a condition
_SLIDES, _GENES = "all_slide_lst.txt", "selected_gene_list.txt"


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
            vectors = load_tensors(path, SpotsError)
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


def load_tensors(path: Path, error: type[SpotsError | CheckpointUnreadable]) -> Any:
    """Tensors of a file, in whatever containers; raises an `error` if they cannot be read."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError,
            pickle.UnpicklingError, SafetensorError) as cause:  # fmt: skip
        reason = one_line(cause)
        raise error(
            f"The file could not be read as PyTorch tensors: {reason}. File: '{path}'."
        ) from cause


def _processed(root: Path) -> Path:
    return root / "processed_data"


def _folder(encoder: str, kind: str) -> str:
    return f"1spot_{encoder}_ebd{kind}"
