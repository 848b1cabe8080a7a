"""The description of an export format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from napari_stem.errors import OptionError
from napari_stem.extras import advice_on
from napari_stem.storage import check_writable

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.events import Check

    Write: TypeAlias = Callable[[AnnData, Path, Sequence[str], Check], None]

MOST_IN_FIGURE = 12  # genes; each is a row


@dataclass(frozen=True, slots=True)
class Exporter:
    """One format.

    Attributes
    ----------
    suffix
        In lower case, with its dots.
    name, holds
        Display texts: name of the format, and what it contains.
    write
        Writes a prediction to a path; the genes are those that a figure shows, and the check is
        called between parts of what takes long.
    extra
        The optional dependency that it needs, as `extras` names it; "" for none.
    most_genes
        Maximum number of genes that a figure shows; None for files with the whole prediction.
    """

    suffix: str
    name: str
    holds: str
    write: Write
    extra: str = ""
    most_genes: int | None = None

    @property
    def lacking(self) -> str:
        """How to install the optional dependency that it needs; "" if nothing is missing."""
        return advice_on(self.extra, self.name) if self.extra else ""

    def check(self, path: Path, genes: Sequence[str] = ()) -> None:
        """Check before long work that the format can be written at a path.

        Raises
        ------
        OptionError
            An optional dependency is missing, or a figure cannot show so many genes.
        StorageError
            The folder cannot be made or is read-only.
        """
        if self.lacking:
            raise OptionError(self.lacking)
        if self.most_genes is not None and len(genes) > self.most_genes:
            raise OptionError(
                f"{self.name} shows at most {self.most_genes} genes; {len(genes)} were "
                "chosen. Choose fewer genes, or none to show the best predicted ones."
            )
        check_writable(path)
