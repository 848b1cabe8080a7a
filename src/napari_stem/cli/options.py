"""Options that several commands share, and what they say to the core."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from napari_stem.errors import OptionError
from napari_stem.exports.registry import formats

if TYPE_CHECKING:
    from napari_stem.features.compute import Compute

Mpp = Annotated[
    float | None, typer.Option(help="Micrometres per pixel, where the slide states none.")
]
Image = Annotated[Path | None, typer.Option(help="The slide, where SPOTS is no folder with one.")]
Bin = Annotated[
    float | None,
    typer.Option("--bin", help="Micrometres of Visium HD's bins, or of squares for Xenium."),
]
Symbols = Annotated[
    Path | None,
    typer.Option(help="Old and new gene symbols: HGNC's complete set, or a table of two columns."),
]
Weights = Annotated[
    list[str] | None, typer.Option(help="ENCODER=FILE: local weights, or their folder; repeat.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of embeddings and draws; the user's own otherwise.")
]
Data = Annotated[
    Path | None,
    typer.Option(envvar="NAPARI_STEM_DATA", help="Folder that holds her2st/, not downloaded then."),
]
Output = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help=f"Write {formats()}; repeat."),
]
Progress = Annotated[
    Literal["bars", "jsonl"], typer.Option("--events", help="Progress for people or programs.")
]


def compute_of(compute: Compute, cache: Path | None, weights: list[str] | None) -> Compute:
    """Where it runs, with the user's own cache where none is named."""
    from napari_stem.storage import cache_dir

    return replace(compute, cache=cache or cache_dir(), weights=weight_files(weights))


def weight_files(texts: list[str] | None) -> dict[str, Path]:
    """Files or folders by encoder, of texts such as uni=model.bin."""
    files = {}
    for text in texts or []:
        name, equals, file = text.rpartition("=")
        if not equals:
            raise OptionError(f"--weights {text}: write ENCODER=FILE.")
        files[name] = Path(file)
    return files
