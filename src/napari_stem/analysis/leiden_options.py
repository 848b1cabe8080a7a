"""Options of Leiden clustering, as data that every front end offers."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stem.options import check_options, option


@dataclass(frozen=True, slots=True)
class LeidenOptions:
    """Options of Leiden clustering.

    Attributes
    ----------
    n_genes
        None uses all genes.
    """

    resolution: float = option(
        1.0,
        "Resolution",
        "Resolution of Leiden clustering; a higher value gives more clusters.",
        minimum=0.01,
        maximum=100,
        step=0.1,
    )
    n_genes: int | None = option(
        None,
        "Genes",
        "Number of genes used: those with the highest variance between spots.",
        kind=int,
        minimum=1,
        maximum=100_000,
        step=50,
        unset="all",
        flag="cluster-genes",
    )
    seed: int = option(
        0,
        "Seed",
        "The same seed gives the same clusters.",
        minimum=0,
        maximum=2**32 - 1,
        flag="cluster-seed",
    )

    def __post_init__(self) -> None:
        check_options(self)
