"""The commands `info` and `encoders`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stem.cli.console import console
from napari_stem.cli.options import Bin, Data
from napari_stem.cli.sections import section_of
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData


def info(
    path: Annotated[
        str,
        typer.Argument(help="A slide, spot table, section, sample (her2st:C2) or checkpoint."),
    ],
    bin_um: Bin = None,
    data: Data = None,
) -> None:
    """Describe a slide, spot table, section or checkpoint, and check that it can be read."""
    from napari_stem.io import is_spot_source, read_spots
    from napari_stem.sections.public_data import is_sample
    from napari_stem.slides.slide import open_slide

    if path.endswith(".safetensors"):
        from napari_stem.checkpoints.checkpoint import read_about

        recipe, about = read_about(path)
        genes, names = counted(len(recipe.panel), "gene"), "+".join(e.name for e in recipe.encoders)
        console.print(f"checkpoint: {genes}, {recipe.transform}, encoders {names}")
        console.print_json(json.dumps({"recipe": json.loads(recipe.to_json()), "about": about}))
    elif is_sample(path):
        _print_spots(section_of(path, data).spots)
    elif is_spot_source(Path(path)):
        _print_spots(read_spots(path, bin_um=bin_um))
    else:
        with open_slide(path) as slide:
            sizes = ", ".join(f"{level.shape[1]} x {level.shape[0]}" for level in slide.levels)
            known = f"{slide.mpp:.4g} µm/px" if slide.mpp else "unknown"
            scale = known if slide.mpp_source == "none" else f"{known} ({slide.mpp_source})"
            console.print(f"slide: levels {sizes}; scale {scale}")
            for note in slide.notes:
                console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)


def encoders() -> None:
    """List the encoders: features per patch, licence, access, and where the weights are."""
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
    console.print("Also any model of timm: timm:NAME, with --weights timm:NAME=FILE.")


def _print_spots(spots: AnnData) -> None:
    from napari_stem.io import source_of
    from napari_stem.spots.table import mpp_from_pitch, pitch

    source = source_of(spots)
    apart = f", pitch {pitch(spots):.1f} px" if spots.n_obs > 1 else ""
    console.print(
        f"spots: {spots.n_obs:,}{apart}; {counted(spots.n_vars, 'gene')}; {source.format}"
    )
    if mpp := source.mpp:
        console.print(f"scale: {mpp:.4g} µm/px (from the files)")
    elif source.pitch_um and apart:
        mpp = mpp_from_pitch(spots, source.pitch_um)
        console.print(f"scale: {mpp:.4g} µm/px (from the spot pitch of {source.pitch_um:g} µm)")
    if source.image:
        console.print(f"slide: {source.image}")
    if source.remark:
        console.print(f"note: {source.remark}")
