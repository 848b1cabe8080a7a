"""Options that several commands share, and what they say to the core."""

from __future__ import annotations

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
Seed = Annotated[int, typer.Option(help="The same seed gives the same draws.")]
Draws = Annotated[int, typer.Option("--draws", min=1, help="Realisations a spot.")]
Steps = Annotated[
    int | None, typer.Option("--sampler-steps", min=1, help="Network evaluations a draw.")
]
Sampler = Annotated[
    Literal["dpm++", "ddim", "ancestral"],
    typer.Option(help="ancestral with 1,000 steps is the paper's."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
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
Resolution = Annotated[float, typer.Option(help="Of Leiden clusters; higher gives more.")]
Progress = Annotated[
    Literal["bars", "jsonl"], typer.Option("--events", help="Progress for people or programs.")
]


def compute_of(cache: Path | None, device: str, weights: list[str] | None) -> Compute:
    """Where it runs, with the user's own cache where none is named."""
    from napari_stem.features.compute import Compute
    from napari_stem.storage import cache_dir

    return Compute(device=device, cache=cache or cache_dir(), weights=weight_files(weights))


def weight_files(texts: list[str] | None) -> dict[str, Path]:
    """Files or folders by encoder, of texts such as uni=model.bin."""
    files = {}
    for text in texts or []:
        name, equals, file = text.rpartition("=")
        if not equals:
            raise OptionError(f"--weights {text}: write ENCODER=FILE.")
        files[name] = Path(file)
    return files
