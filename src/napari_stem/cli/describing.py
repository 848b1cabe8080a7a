"""The commands `info` and `encoders`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stem.cli.flags import with_flags
from napari_stem.cli.options import Bin, Data, Image, Mpp
from napari_stem.cli.output import console, print_doubts, print_notes, say
from napari_stem.cli.sections import located
from napari_stem.errors import OptionError
from napari_stem.sections.opening import Opening
from napari_stem.text import a_few, counted

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.slides.slide import Slide


@with_flags
def info(
    path: Annotated[
        str,
        typer.Argument(
            help="A slide, spot table, section, sample (her2st:C2), prediction, checkpoint or run "
            "folder."
        ),
    ],
    *,
    opening: Opening,
    image: Image = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    data: Data = None,
) -> None:
    """Say what a path is, check that it can be read, and what can be done with it."""
    from napari_stem.checkpoints.starter import STARTER
    from napari_stem.io import is_spot_source, read_spots
    from napari_stem.io.annotations import drawn_regions
    from napari_stem.io.matrix10x import is_matrix
    from napari_stem.sections.opened import Opened
    from napari_stem.sections.public_data import is_sample
    from napari_stem.slides.formats import is_slide
    from napari_stem.training.run_folder import PLAN

    place = Path(path)
    if path.endswith(".safetensors") or path == STARTER:
        _print_checkpoint(path)
    elif is_sample(path):
        with Opened() as opened:
            section = opened.section(located(path, data))
            _print_spots(section.spots)
            _print_use(section.spots)
    elif (place / PLAN).is_file():
        _print_run(place)
    elif regions := drawn_regions(place):
        labels = a_few(dict.fromkeys(region.label for region in regions))
        say(f"regions: {len(regions):,} ({labels})")
        say("use: predict SLIDE CHECKPOINT --spots with this file fills them with a grid")
    elif len(sections := _sections_in(place)) > 1:
        say(f"sections: {len(sections)} ({a_few(section.name for section in sections)})")
        say("use: train with the folder, or info and predict with one of them")
    elif is_spot_source(place):
        spots = read_spots(place, bin_um=bin_um, library=opening.library, layer=opening.layer)
        _print_table(spots, place, image, {"bin_um": bin_um, "mpp": mpp, "opening": opening})
    elif is_matrix(place):
        _print_matrix(place)
    elif place.is_dir() and not is_slide(place):
        found = a_few(sorted(entry.name for entry in place.iterdir())) or "nothing"
        raise OptionError(
            f"Nothing in this folder can be used: it holds {found}. A section needs a slide image "
            f"and spots. Folder: '{place}'."
        )
    else:
        _print_slide(path, mpp, opening)


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
    console.print("NAME:cls+centre also looks at the middle of the patch, for transformers.")


def _sections_in(place: Path) -> list[Path]:
    from napari_stem.io import find_sections

    return find_sections(place) if place.is_dir() else []


def _print_checkpoint(path: str) -> None:
    from napari_stem.checkpoints.checkpoint import read_about

    recipe, about = read_about(path)
    genes, names = counted(len(recipe.panel), "gene"), "+".join(e.name for e in recipe.encoders)
    say(f"checkpoint: {genes}, {recipe.transform}, encoders {names}")
    console.print_json(json.dumps({"recipe": json.loads(recipe.to_json()), "about": about}))


def _print_run(folder: Path) -> None:
    from napari_stem.training.run_folder import CHECKPOINT, read_run

    run = read_run(folder)
    learned = a_few(section.name for section in run.plan.sections)
    say(f"run folder: {run.standing}; trains on {learned}")
    if (checkpoint := folder / CHECKPOINT).is_file():
        say(f"use: predict with {checkpoint}")
    else:
        say(f"use: train --run {folder} goes on")


def _print_matrix(path: Path) -> None:
    from napari_stem.io.matrix10x import read_matrix

    matrix = read_matrix(path)
    barcodes, genes = matrix.counts.shape
    say(f"10x count matrix: {barcodes:,} barcodes, {counted(genes, 'gene')}; no positions")
    say("use: none alone; name the folder that holds it beside the folder spatial")


def _print_slide(path: str, mpp: float | None, opening: Opening) -> None:
    from napari_stem.sections.opened import Opened

    with Opened() as opened:
        slide = opened.slide(path, mpp=mpp, opening=opening)
        sizes = ", ".join(f"{level.shape[1]} x {level.shape[0]}" for level in slide.levels)
        say(f"slide: levels {sizes}; scale {_scale(slide)}")
        _print_pictures(slide)
        print_notes(slide.notes)
        say("use: predict" if slide.mpp else "use: predict with --mpp")


def _scale(slide: Slide) -> str:
    """Scale and its source, or why there is none."""
    known = f"{slide.mpp:.4g} µm/px" if slide.mpp else "unknown"
    return known if slide.mpp_source == "none" else f"{known} ({slide.mpp_source})"


def _print_pictures(slide: Slide) -> None:
    if len(slide.pictures) > 1:
        named = [f"{number} ('{name}')" for number, name in enumerate(slide.pictures)]
        taken = named.pop(slide.picture)
        say(f"picture: {taken}; --picture takes another one: {a_few(named)}")


def _print_table(spots: AnnData, place: Path, image: Path | None, given: dict[str, Any]) -> None:
    """A table alone, or with its slide where there is one, on which the two must agree."""
    from napari_stem.sections.opened import Opened
    from napari_stem.spots.notes import notes_of
    from napari_stem.spots.source import source_of

    if "napari_stem" in spots.uns:
        _print_prediction(spots)
        return
    _print_spots(spots)
    if slide := image or source_of(spots).image:
        with Opened() as opened:
            section = opened.section(place, image=slide, **given)
            found = section.slide
            size = f"{found.width:,} x {found.height:,} px"
            say(f"slide: {slide}, {size}, scale {_scale(found)}")
            _print_pictures(found)
            print_notes(section.notes)
    else:
        say("slide: none found; name it with --image")
        print_notes(notes_of(spots))
    _print_use(spots)


def _print_prediction(prediction: AnnData) -> None:
    about = prediction.uns["napari_stem"]
    genes = counted(prediction.n_vars, "gene")
    say(f"prediction: {counted(prediction.n_obs, 'spot')}, {genes}; slide {about.get('slide')}")
    print_doubts(prediction)
    say("use: open in napari or scanpy; its values are predicted and are no counts")


def _print_spots(spots: AnnData) -> None:
    import numpy as np

    from napari_stem.spots.source import source_of
    from napari_stem.spots.table import has_counts, mpp_from_pitch, pitch

    source = source_of(spots)
    apart = f", pitch {pitch(spots):.1f} px" if spots.n_obs > 1 else ""
    say(f"spots: {spots.n_obs:,}{apart}; {counted(spots.n_vars, 'gene')}; {source.format}")
    if has_counts(spots):
        empty = int((np.asarray(spots.X.sum(axis=1)).ravel() == 0).sum())
        say(f"counts: {counted(empty, 'spot')} without any")
    if mpp := source.mpp:
        say(f"scale: {mpp:.4g} µm/px (from the files)")
    elif source.pitch_um and apart:
        mpp = mpp_from_pitch(spots, source.pitch_um)
        say(f"scale: {mpp:.4g} µm/px (from the spot pitch of {source.pitch_um:g} µm)")


def _print_use(spots: AnnData) -> None:
    from napari_stem.errors import CountsError
    from napari_stem.spots.table import check_counts, has_counts

    try:
        if has_counts(spots):
            check_counts(spots)
            say("use: train, evaluate, predict")
        else:
            say("use: predict; training needs counts")
    except CountsError as error:
        say(f"use: predict; not training: {error}")
