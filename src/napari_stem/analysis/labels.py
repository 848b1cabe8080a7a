"""Clusters of a prediction's spots: numbers, names and colours. An edit gives new clusters."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_stem.errors import OptionError
from napari_stem.text import a_few

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

# Colours that colour-blind people can tell apart (Okabe and Ito 2008), then darker shades.
CLUSTER_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999",
    "#003C5F", "#7A5300", "#00523C", "#6B3A56", "#1F5A7A", "#6E3000", "#7D7715", "#444444",
)  # fmt: skip
_LABELS, _FOUND, _COLOURS = "leiden", "leiden_unedited", "leiden_colors"  # scanpy's, but the second
_COLOUR = re.compile("#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Cluster of each spot, with names and colours of the clusters.

    Attributes
    ----------
    numbers
        (n,) uint16, 1 for the first name; 0 for spots without a cluster.
    names
        All different.
    colours
        As "#rrggbb", one a name.
    found
        (n,) the numbers before any were merged; None where none were.
    """

    numbers: NDArray[np.uint16]
    names: tuple[str, ...]
    colours: tuple[str, ...]
    found: NDArray[np.uint16] | None = None

    def __repr__(self) -> str:
        sizes = zip(self.names, self.sizes, strict=True)
        shown = a_few((f"{name} ({size:,})" for name, size in sizes), most=4)
        return f"<Clusters of {len(self.numbers):,} spots: {shown}>"

    @classmethod
    def of_numbers(cls, numbers: NDArray[np.uint16]) -> Clusters:
        """Clusters that are called by their numbers."""
        names = _default_names(numbers)
        return cls(numbers, names, default_colours(len(names)))

    @classmethod
    def of_labels(cls, labels: pd.Series) -> Clusters:
        """Clusters of a categorical column, in its order."""
        names = tuple(map(str, labels.cat.categories))
        return cls(_numbers(labels), names, default_colours(len(names)))

    @classmethod
    def of_prediction(cls, prediction: AnnData) -> Clusters:
        """The clusters in `obs["leiden"]`, in the colours of `uns["leiden_colors"]` if they fit."""
        obs = prediction.obs
        clusters = cls.of_labels(obs[_LABELS].astype("category"))
        kept = tuple(str(colour)[:7] for colour in prediction.uns.get(_COLOURS, ()))
        if len(kept) == len(clusters.names) and all(map(_COLOUR.fullmatch, kept)):
            clusters = replace(clusters, colours=kept)
        return (
            replace(clusters, found=_numbers(obs[_FOUND].astype("category")))
            if _FOUND in obs
            else clusters
        )

    def keep_in(self, prediction: AnnData) -> None:
        """Write the clusters where exports, scanpy and squidpy look for them."""
        prediction.obs[_LABELS] = _categorical(self.numbers, self.names)
        prediction.uns[_COLOURS] = list(self.colours)
        if self.found is not None:
            prediction.obs[_FOUND] = _categorical(self.found, _default_names(self.found))
        elif _FOUND in prediction.obs:
            del prediction.obs[_FOUND]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Spots of each."""
        counts = np.bincount(self.numbers, minlength=len(self.names) + 1)
        return tuple(counts[1:].tolist())

    @property
    def titles(self) -> tuple[str, ...]:
        """Display names: "Cluster 3" until the cluster has a name of its own."""
        return tuple(map(cluster_title, self.names))

    def spots_in(self, numbers: Collection[int]) -> NDArray[np.bool_]:
        """(n,) whether a spot belongs to one of these clusters."""
        return np.isin(self.numbers, list(numbers))

    def renamed(self, number: int, name: str) -> Clusters:
        """The same with another name.

        Raises
        ------
        OptionError
            The name is empty, or another cluster has it.
        """
        name = " ".join(name.split())
        if not name:
            raise OptionError("A cluster needs a name.")
        others = {
            *self.names[: number - 1], *self.names[number:],
            *self.titles[: number - 1], *self.titles[number:],
        }  # fmt: skip
        if name in others:
            raise OptionError(
                f"Another cluster is already called '{name}'. Choose another name, or "
                "merge the two clusters."
            )
        return replace(self, names=_replaced(self.names, number, name))

    def recoloured(self, number: int, colour: str) -> Clusters:
        """The same with another colour.

        Raises
        ------
        OptionError
            The colour is not of the form "#rrggbb".
        """
        if not _COLOUR.fullmatch(colour):
            raise OptionError(f"'{colour}' is not a colour; use the form #0072B2.")
        return replace(self, colours=_replaced(self.colours, number, colour))

    def merged(self, numbers: Collection[int]) -> Clusters:
        """Several clusters as one, with the name and colour of the first.

        Raises
        ------
        OptionError
            Fewer than two were given.
        """
        if len(numbers) < 2:
            raise OptionError("Select two or more clusters to merge them.")
        first, gone = min(numbers), set(numbers) - {min(numbers)}
        kept = [number for number in range(1, len(self.names) + 1) if number not in gone]
        new = np.zeros(len(self.names) + 1, np.uint16)
        new[kept] = np.arange(1, len(kept) + 1)
        new[list(gone)] = new[first]
        return Clusters(
            numbers=new[self.numbers],
            names=tuple(self.names[number - 1] for number in kept),
            colours=tuple(self.colours[number - 1] for number in kept),
            found=self.numbers if self.found is None else self.found,
        )

    def unedited(self) -> Clusters:
        """As they were found: before any was merged, named or coloured."""
        return Clusters.of_numbers(self.numbers if self.found is None else self.found)

    @property
    def is_edited(self) -> bool:
        """Whether any was merged, named or coloured."""
        found = self.unedited()
        return self.found is not None or (self.names, self.colours) != (found.names, found.colours)


def cluster_title(name: str) -> str:
    """Display name of a cluster: "Cluster 3" for a bare number."""
    return f"Cluster {name}" if name.isdecimal() else name


def default_colours(n: int) -> tuple[str, ...]:
    """Colours of n clusters; from the 17th on paler ones."""
    rounds = -(-n // len(CLUSTER_COLOURS))
    return tuple(
        _paler(colour, 1 - 0.5**times) for times in range(rounds) for colour in CLUSTER_COLOURS
    )[:n]


def _paler(colour: str, share: float) -> str:
    parts = (part + round(share * (255 - part)) for part in bytes.fromhex(colour[1:]))
    return f"#{bytes(parts).hex().upper()}"


def _numbers(labels: pd.Series) -> NDArray[np.uint16]:
    numbers: NDArray[np.uint16] = (labels.cat.codes.to_numpy() + 1).astype(np.uint16)
    return numbers


def _categorical(numbers: NDArray[np.uint16], names: tuple[str, ...]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(numbers.astype(np.int32) - 1, categories=pd.Index(names))


def _default_names(numbers: NDArray[np.uint16]) -> tuple[str, ...]:
    return tuple(str(number) for number in range(1, int(numbers.max(initial=0)) + 1))


def _replaced(values: tuple[str, ...], number: int, value: str) -> tuple[str, ...]:
    return (*values[: number - 1], value, *values[number:])
