"""The commands `embed` and `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.cli.console import console, print_notes, run_events
from napari_stem.cli.flags import Flags, with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Data,
    Image,
    Mpp,
    Output,
    Progress,
    Weights,
    compute_of,
)
from napari_stem.cli.sections import section_of, section_to_predict
from napari_stem.defaults import ENCODERS, TISSUE_SHARE
from napari_stem.features.compute import Compute
from napari_stem.options import options_of
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import ON_DEMAND, THRESHOLD
from napari_stem.sections.opening import Opening
from napari_stem.text import counted

_Encoding = Annotated[
    Compute, Flags(options_of(Compute, ("device", "patch_batch_size", "allow_low_resolution")))
]


@with_flags
def embed(
    spots: Annotated[str, typer.Argument(help="Section, or spot table with --image.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .h5ad.")],
    encoder: Annotated[
        list[str] | None, typer.Option(help="Encoder; several are concatenated.")
    ] = None,
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
    from napari_stem.features.embed import iter_embed
    from napari_stem.features.encoders.registry import find_encoder
    from napari_stem.features.patches import PHYSICAL
    from napari_stem.io.h5ad import write_h5ad

    section = section_of(spots, data, image=image, mpp=mpp, bin_um=bin_um, opening=opening)
    print_notes(section.notes)
    encoders = [find_encoder(name) for name in encoder or ENCODERS]
    vectors = run_events(
        iter_embed(
            section.slide, section.spots, encoders, PHYSICAL,
            compute=compute_of(compute, cache, weights),
        )
    )  # fmt: skip
    section.spots.obsm["embedding"] = vectors[:, 0]
    write_h5ad(section.spots, output)
    console.print(
        f"{counted(vectors.shape[0], 'spot')}, {vectors.shape[2]} features each: {output}"
    )


@with_flags
def predict(
    slide: Annotated[str, typer.Argument(help="Slide, or section with its own spots.")],
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint: a .safetensors file.")],
    *,
    output: Output = None,
    spots: Annotated[
        Path | None, typer.Option(help="Spot table of the slide; default: a grid over the tissue.")
    ] = None,
    pitch: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Spot pitch in µm: of the grid (default 100), or of the spot table, which "
            "then gives the scale of a slide without one.",
        ),
    ] = None,
    tissue_share: Annotated[
        float,
        typer.Option(min=0, max=1, help="Least share of a spot of the grid that must be tissue."),
    ] = TISSUE_SHARE,
    genes: Annotated[
        list[str] | None,
        typer.Option(
            "--gene", help="Gene to show in figures and reports. Can be given several times."
        ),
    ] = None,
    statistics: Annotated[
        list[str] | None,
        typer.Option(
            "--statistic",
            help=f"Further statistic over the draws, as a layer: {', '.join(ON_DEMAND)}. Can be "
            "given several times.",
        ),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(help="Threshold of the statistic above, in the log space of the prediction."),
    ] = THRESHOLD,
    options: PredictOptions,
    leiden: LeidenOptions,
    compute: Compute,
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
    from napari_stem.analysis.cluster import FEWEST, cluster
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.exports.registry import DEFAULT_SUFFIX, find_exporter, write_prediction
    from napari_stem.genes.panels import check_panel
    from napari_stem.prediction.predict import iter_predict
    from napari_stem.prediction.statistics import find_statistics

    find_statistics(statistics or ())
    for path in output or ():
        find_exporter(path).check(genes or ())
    loaded = load_checkpoint(checkpoint)
    check_panel(
        genes or [], loaded.recipe.panel, "the checkpoint", why="Choose genes that it predicts."
    )
    section = section_to_predict(
        slide, spots, pitch, data, image=image, tissue_share=tissue_share, mpp=mpp,
        bin_um=bin_um, opening=opening,
    )  # fmt: skip
    outputs = output or [Path(f"{section.name}-prediction{DEFAULT_SUFFIX}")]
    work = iter_predict(
        section.slide, section.spots, loaded, options, compute_of(compute, cache, weights),
        statistics=statistics or (), threshold=threshold,
    )  # fmt: skip
    prediction = run_events(work, events)
    if prediction.n_obs >= FEWEST:
        cluster(prediction, leiden)
    for path in outputs:
        write_prediction(prediction, path, genes=genes or ())
        if events == "bars":
            console.print(f"{path}")
    if events == "bars":
        print_notes(prediction.uns["napari_stem"]["notes"])
