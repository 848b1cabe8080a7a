"""The commands `info` and `encoders`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stem.cli.console import console
from napari_stem.cli.options import Bin, Data
from napari_stem.cli.sections import section_of

if TYPE_CHECKING:
    from anndata import AnnData


def info(
    path: Annotated[str, typer.Argument(help="A slide, spots, a section or a checkpoint.")],
    bin_um: Bin = None,
    data: Data = None,
) -> None:
    """Say what a file is and whether it can be used."""
    from napari_stem.io import is_spot_source, read_spots
    from napari_stem.sections.public_data import is_sample
    from napari_stem.slides.slide import open_slide

    if path.endswith(".safetensors"):
        from napari_stem.checkpoints.checkpoint import read_about

        recipe, about = read_about(path)
        console.print(f"checkpoint: {len(recipe.panel)} genes, {recipe.transform}, encoders "
                      f"{'+'.join(e.name for e in recipe.encoders)}")  # fmt: skip
        console.print_json(json.dumps({"recipe": json.loads(recipe.to_json()), "about": about}))
    elif is_sample(path):
        _print_spots(section_of(path, data).spots)
    elif is_spot_source(Path(path)):
        _print_spots(read_spots(path, bin_um=bin_um))
    else:
        with open_slide(path) as slide:
            sizes = ", ".join(f"{level.shape[1]} x {level.shape[0]}" for level in slide.levels)
            scale = f"{slide.mpp:.4g} um/px ({slide.mpp_source})" if slide.mpp else "unknown"
            console.print(f"slide: levels {sizes}; scale {scale}")


def encoders() -> None:
    """List the encoders: numbers a patch, licence, access, and whether the weights are here."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from napari_stem.features.encoders.hub import availability
    from napari_stem.features.encoders.registry import encoders as known_encoders

    headings = ("name", "width", "px", "licence", "commercial", "access", "weights")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for entry in known_encoders().values():
        commercial = {True: "allowed", False: "no", None: "unknown"}[entry.commercial]
        table.add_row(
            entry.name, str(entry.width), str(entry.input.size), entry.licence, commercial,
            "request" if entry.gated else "open", availability(entry),
        )  # fmt: skip
    console.print(table)
    console.print("timm:NAME takes any model of timm, with --weights timm:NAME=FILE.")


def _print_spots(spots: AnnData) -> None:
    from napari_stem.io import source_of
    from napari_stem.spots.table import mpp_from_pitch, pitch

    source = source_of(spots)
    apart = f", {pitch(spots):.1f} pixels apart" if spots.n_obs > 1 else ""
    console.print(f"spots: {spots.n_obs}{apart}; {spots.n_vars} genes; {source.format}")
    if mpp := source.mpp:
        console.print(f"scale: {mpp:.4g} um/px (stated)")
    elif source.pitch_um and apart:
        mpp = mpp_from_pitch(spots, source.pitch_um)
        console.print(f"scale: {mpp:.4g} um/px (spots are {source.pitch_um:g} um apart)")
    if source.image:
        console.print(f"slide: {source.image}")
    if source.remark:
        console.print(f"note: {source.remark}")
