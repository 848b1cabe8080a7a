"""What a recipe chooses from: encoders, and panels of genes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pandas as pd
from anndata import AnnData

from napari_stem.defaults import N_GENES
from napari_stem.errors import OptionError, WrongType
from napari_stem.features.encoders import registry
from napari_stem.features.encoders.hub import availability
from napari_stem.genes import panels
from napari_stem.sections.opened import Opened, SectionLike
from napari_stem.sections.section import Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    TablesLike: TypeAlias = "AnnData | SectionLike | Iterable[AnnData | SectionLike]"


def encoders() -> pd.DataFrame:
    """The encoders there are; asks no network.

    Returns
    -------
    One row per encoder, by name: `width` (features per patch), `licence`, `commercial` (whether it
    allows commercial use; None where none is stated), `gated` (whether the hub asks for a request
    first), `weights` (where they are), `page`. "timm:NAME" also works, for any model of timm, and
    "NAME:cls+centre" for another pooling of a transformer.

    Examples
    --------
    >>> stem.encoders().loc["uni", "width"]
    np.int64(1024)
    """
    rows = {
        name: {
            "width": entry.width,
            "licence": entry.licence,
            "commercial": entry.commercial,
            "gated": entry.gated,
            "weights": availability(entry),
            "page": entry.page,
        }
        for name, entry in registry.encoders().items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("encoder")


def hmhvg(sections: TablesLike, n: int = N_GENES) -> list[str]:
    """The highly expressed of the highly variable genes (HMHVG, paper appendix B).

    Parameters
    ----------
    sections
        Sections with raw counts, or tables, paths or names of them: those to train on alone.
    n
        Genes of the panel.

    Returns
    -------
    `n` symbols by falling mean.

    Raises
    ------
    PanelError
        The sections share fewer than `n` such genes.

    Examples
    --------
    >>> len(stem.hmhvg(sections, 8))
    8
    """
    return panels.hmhvg(_tables(sections), n)


def hvg(sections: TablesLike, n: int = N_GENES) -> list[str]:
    """The highest expressed of the highly variable genes (HVG).

    Parameters
    ----------
    sections
        Sections with raw counts, or tables, paths or names of them: those to train on alone.
    n
        Genes of the panel.

    Returns
    -------
    `n` symbols by falling mean.

    Raises
    ------
    PanelError
        The sections share fewer than `n` such genes.

    Examples
    --------
    >>> len(stem.hvg(sections, 8))
    8
    """
    return panels.hvg(_tables(sections), n)


def deg(sections: TablesLike, column: str, n: int) -> list[str]:
    """Genes that are expressed more in one annotated region than in the others (DEG).

    Parameters
    ----------
    sections
        Sections with raw counts, or tables, paths or names of them; one at least is annotated.
    column
        Column of `obs` that names regions.
    n
        Genes per region; the panel is their union.

    Returns
    -------
    Symbols, region by region, the best first.

    Raises
    ------
    PanelError
        No section has the column, fewer than two regions have spots, or no gene differs.

    Examples
    --------
    >>> "COL1A1" in stem.deg(annotated, "region", 10)
    True
    """
    return panels.deg(_tables(sections), column, n)


def _tables(sections: TablesLike) -> Sequence[AnnData]:
    several = [sections] if isinstance(sections, AnnData | Section | str | Path) else sections
    if not isinstance(several, Iterable):
        raise WrongType.of("sections", sections, "sections or tables, or paths or names of them")
    found = list[AnnData]()
    with Opened() as opened:
        for one in several:
            if isinstance(one, AnnData):
                found.append(one)
            else:
                found += [section.spots for section in opened.sections(one)]
    if not found:
        raise OptionError("sections is empty. Name at least one with counts.")
    return found
