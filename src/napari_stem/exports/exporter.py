"""What an entry says of a format that predictions are written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_stem.errors import OptionError
from napari_stem.extras import check_extra

if TYPE_CHECKING:
    from anndata import AnnData

MOST_IN_FIGURE = 12  # genes; each is a row


class Write(Protocol):
    """Writes a prediction; `genes` are those that a figure shows."""

    def __call__(self, prediction: AnnData, path: Path, genes: Sequence[str]) -> None:
        """Write the file or folder at `path`."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """One format.

    Attributes
    ----------
    suffix
        In lower case, with its dots.
    name, holds
        For people: what it is called, and what of a prediction it holds.
    write
        Writes it.
    extra
        The optional dependency that it needs, as `extras` names it; "" for none.
    most_genes
        Of a figure, how many genes it shows; None where the file holds all of the prediction.
    """

    suffix: str
    name: str
    holds: str
    write: Write
    extra: str = ""
    most_genes: int | None = None

    def check(self, genes: Sequence[str] = ()) -> None:
        """See before long work whether it can be written.

        Raises
        ------
        OptionError
            An optional dependency is missing, or a figure cannot show so many genes.
        """
        if self.extra:
            check_extra(self.extra, self.name)
        if self.most_genes is not None and len(genes) > self.most_genes:
            raise OptionError(
                f"{len(genes)} genes are too many for a figure ({self.name}); it shows up to "
                f"{self.most_genes}. Name those, or none for the leading ones."
            )
