"""How a section is opened, as options that every front end offers."""

from __future__ import annotations

from dataclasses import dataclass

from napari_stem.options import check_options, option


@dataclass(frozen=True, slots=True)
class Opening:
    """Choices among what the files of a section hold, and whom to believe."""

    library: str = option(
        "",
        "Slide",
        "Slide of an .h5ad file whose rows are of several, by its name in uns['spatial'].",
        advanced=True,
    )
    layer: str = option(
        "",
        "Layer of counts",
        "Layer of an .h5ad file that holds the raw counts; without it they are looked for in X, "
        "layers['counts'] and .raw.",
        advanced=True,
    )
    trust_positions: bool = option(
        False,
        "Trust positions",
        "Use the coordinates as they are although image size or tissue contradict them.",
        advanced=True,
    )
    sparse: bool = option(
        False,
        "Sparse slide",
        "Take chunks that an OME-Zarr does not store as empty where no coarser level tells.",
        advanced=True,
    )
    picture: str = option(
        "",
        "Picture",
        "Picture of a slide file that has several, by its name or its number from 0; without it "
        "the slide is told from label, macro and thumbnail.",
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)
