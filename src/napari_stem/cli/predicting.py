"""The commands `embed` and `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.cli.failures import tell
from napari_stem.cli.flags import Flags, with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Clustering,
    Computing,
    Data,
    Drawing,
    Encoders,
    Genes,
    Image,
    Mpp,
    Output,
    Progress,
    Statistics,
    Threshold,
    TissueShare,
    Weights,
    files_of,
)
from napari_stem.cli.output import console, print_doubts, print_notes, run_events, say
from napari_stem.cli.sections import located
from napari_stem.defaults import ENCODERS, TISSUE_SHARE
from napari_stem.features.compute import Compute
from napari_stem.options import options_of
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.sections.opening import Opening
from napari_stem.spots.section_names import section_name
from napari_stem.text import counted

_Encoding = Annotated[
    dict[str, Any],
    Flags(options_of(Compute, ("device", "patch_batch_size", "readers", "allow_low_resolution"))),
]


@with_flags
def embed(
    spots: Annotated[str, typer.Argument(help="Section, or spot table with --image.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .h5ad.")],
    encoder: Encoders = None,
    compute: _Encoding,
    opening: Opening,
    image: Image = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Compute embeddings of the patches around spots, as obsm["embedding"]."""
    from napari_stem.api.predicting import iter_embed
    from napari_stem.exports.encodable import encodable
    from napari_stem.exports.h5ad import write_h5ad
    from napari_stem.sections.opened import Opened
    from napari_stem.storage import check_writable

    check_writable(output)
    files = files_of(cache, weights)
    with Opened() as opened:
        section = opened.section(
            located(spots, data), image=image, mpp=mpp, bin_um=bin_um, opening=opening
        )
        print_notes(section.notes)
        vectors = run_events(iter_embed(section, None, encoder or ENCODERS, **compute, **files))
    section.spots.obsm["embedding"] = vectors
    write_h5ad(encodable(section.spots), output)
    console.print(
        f"{counted(vectors.shape[0], 'spot')}, {vectors.shape[1]} features each: {output}"
    )


@with_flags
def predict(
    slide: Annotated[str, typer.Argument(help="Slide, or section with its own spots.")],
    checkpoint: Annotated[
        Path, typer.Argument(help='Checkpoint: .safetensors file, or "starter".')
    ],
    *,
    output: Output = None,
    spots: Annotated[
        Path | None, typer.Option(help="Spot table of the slide; default: a grid over the tissue.")
    ] = None,
    pitch: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            max=100_000,
            help="Spot pitch in µm: of the grid (default 100), or of the spot table, which "
            "then gives the scale of a slide without one.",
        ),
    ] = None,
    tissue_share: TissueShare = TISSUE_SHARE,
    genes: Genes = None,
    statistics: Statistics = None,
    threshold: Threshold = THRESHOLD,
    options: Drawing,
    leiden: Clustering,
    compute: Computing,
    opening: Opening,
    image: Image = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
    events: Progress = "bars",
) -> None:
    """Predict gene expression at the spots of a slide, or on a grid over its tissue."""
    from napari_stem.api.models import with_files
    from napari_stem.cohort.order import Listed, Order
    from napari_stem.cohort.slide_work import (
        iter_prediction,
        iter_write_outputs,
        open_place,
    )
    from napari_stem.exports.registry import DEFAULT_SUFFIX
    from napari_stem.sections.opened import Opened

    order = Order(
        checkpoint,
        options=PredictOptions(**options),
        compute=with_files(Compute(**compute), **files_of(cache, weights)),
        opening=opening,
        leiden=LeidenOptions(**leiden),
        statistics=tuple(statistics or ()),
        threshold=threshold,
        genes=tuple(genes or ()),
        pitch_um=pitch,
        tissue_share=tissue_share,
        bin_um=bin_um,
    )
    listed = Listed(str(located(slide, data)), str(spots or ""), image=str(image or ""), mpp=mpp)
    order.check(output or ())
    loaded = order.load_checkpoint()
    with Opened() as opened:
        place = open_place(opened, listed, order)
        work = iter_prediction(place, loaded, order)
        prediction = run_events(work, events)
    if events == "bars":
        print_doubts(prediction)
    name = section_name(spots) if spots else place.slide.name
    paths = output or [Path(f"{name}-prediction{DEFAULT_SUFFIX}")]
    written: list[Path] = []
    try:
        writing = iter_write_outputs(
            prediction, paths, order.genes, written.append, also_failed=tell
        )
        run_events(writing, events)
    finally:
        if events == "bars":
            for path in written:
                say(str(path))
