"""Sections as arrays: embeddings paired with measured values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.errors import CountsError, OptionError
from napari_stem.events import Events
from napari_stem.genes.counts import counted_spots, transform_counts
from napari_stem.roomy import joined
from napari_stem.spots.table import positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.features.compute import Compute
    from napari_stem.sections.section import Section


@dataclass(frozen=True, slots=True, eq=False)
class PairedData:
    """Paired embeddings and values of spots, for training, baselines and metrics.

    Attributes
    ----------
    genes
        (c,) the genes of the panel that all sections measured.
    embeddings
        (n, v, d): spots, views of a patch (the original first), vectors.
    values
        (n, c) transformed counts.
    positions
        (n, 2) x, y in level-0 pixels.
    section
        (n,) number of the section of each spot, in their order.
    """

    genes: tuple[str, ...]
    embeddings: NDArray[np.float32]
    values: NDArray[np.float32]
    positions: NDArray[np.float64]
    section: NDArray[np.intp]

    @property
    def original(self) -> NDArray[np.float32]:
        """(n, d) embeddings of the patches as they are."""
        return self.embeddings[:, 0]

    def some(self, most: int) -> PairedData:
        """At most so many spots, evenly chosen, with their original views alone."""
        n = len(self.values)
        rows = np.linspace(0, n - 1, min(n, most)).astype(int)
        return PairedData(
            self.genes,
            self.embeddings[rows, :1],
            self.values[rows],
            self.positions[rows],
            self.section[rows],
        )


def check_training(known: PairedData) -> None:
    """Refuse fewer spots than a network or a baseline can learn from.

    Raises
    ------
    CountsError
        There is only one.
    """
    if len(known.values) < 2:
        raise CountsError(
            "The training sections have a single spot with counts of the panel; at least two are "
            "needed. Add a section."
        )


def iter_paired_data(
    sections: Sequence[Section],
    recipe: Recipe,
    compute: Compute,
    *,
    genes: Sequence[str] | None = None,
    views: Sequence[int] = (0,),
) -> Events[PairedData]:
    """The counted spots of sections as a recipe sees them, one section after the other.

    Parameters
    ----------
    genes
        The recipe's panel unless given.
    views
        Which flips and turns of a patch are described (`patches.dihedral`).

    Raises
    ------
    StemError
        A section holds no counts, lacks one of the genes, or cannot be embedded.
    """
    if not sections:
        raise OptionError("no section is given. Name at least one that measured its counts.")
    genes = tuple(recipe.panel if genes is None else genes)
    tables = [counted_spots(section.spots, genes, section.name) for section in sections]
    embeddings, values = [], []
    for section, spots in zip(sections, tables, strict=True):
        vectors = yield from iter_embed_as(
            recipe, section.slide, spots, views=views, compute=compute
        )
        embeddings.append(vectors)
        values.append(transform_counts(spots, genes, recipe.transform, where=section.name))
    return PairedData(
        genes,
        joined(embeddings, 0, compute.cache),
        np.concatenate(values),
        np.concatenate([positions(spots) for spots in tables]),
        np.repeat(np.arange(len(tables)), [spots.n_obs for spots in tables]),
    )
