"""What decides Leiden clusters, as data that every front end offers."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stem.options import check_options, option


@dataclass(frozen=True, slots=True)
class LeidenOptions:
    """What decides Leiden clusters.

    Attributes
    ----------
    n_genes
        None takes all.
    """

    resolution: float = option(
        1.0,
        "Resolution",
        "Of Leiden; higher gives more clusters.",
        minimum=0.01,
        maximum=100,
        step=0.1,
    )
    n_genes: int | None = option(
        None,
        "Genes",
        "How many of the genes that vary most between spots decide.",
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
