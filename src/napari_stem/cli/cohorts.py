"""The command `cohort`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.cli.flags import Flags, with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Clustering,
    Computing,
    Data,
    Drawing,
    Genes,
    Statistics,
    Threshold,
    TissueShare,
    Weights,
    files_of,
)
from napari_stem.cli.output import print_methods, say
from napari_stem.cli.sections import located
from napari_stem.cohort.crew import Crew
from napari_stem.cohort.manifest import FILE
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.errors import OptionError
from napari_stem.options import options_of
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.sections.opening import Opening
from napari_stem.text import counted

if TYPE_CHECKING:
    import pandas as pd

_FAILED = 1  # exit code where a slide failed


@with_flags
def cohort(
    slides: Annotated[
        list[str],
        typer.Argument(
            help="Slides, sections, folders of them, patterns in quotes, or tables (.csv) with the "
            "columns slide, spots, image, mpp, name, patient."
        ),
    ],
    *,
    checkpoint: Annotated[Path, typer.Option(help='Checkpoint: .safetensors file, or "starter".')],
    out: Annotated[Path, typer.Option(help="Folder of the manifest and of the predictions.")],
    embed: Annotated[
        bool, typer.Option("--embed", help="Only compute the embeddings of the patches.")
    ] = False,
    evaluate: Annotated[
        bool, typer.Option("--evaluate", help="Only compare draws with the counts of the spots.")
    ] = False,
    training: Annotated[
        list[str] | None,
        typer.Option(
            "--train",
            help="With --evaluate, a section that the checkpoint was trained on: baselines learn "
            "from it, and stand beside the checkpoint. Can be given several times.",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            help="Suffix of a format to write, such as .html; default .h5ad. Can be given several "
            "times.",
        ),
    ] = None,
    genes: Genes = None,
    statistics: Statistics = None,
    threshold: Threshold = THRESHOLD,
    pitch: Annotated[
        float | None, typer.Option(min=0.1, max=100_000, help="Spot pitch in µm, as in predict.")
    ] = None,
    tissue_share: TissueShare = TISSUE_SHARE,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Page (.html) to write at the end: all slides, and the first --gene on each of "
            "them in the same colours."
        ),
    ] = None,
    crew: Annotated[dict[str, Any], Flags(options_of(Crew))],
    options: Drawing,
    leiden: Clustering,
    compute: Computing,
    opening: Opening,
    bin_um: Bin = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Predict many slides, here or on a cluster; the same command goes on where it stopped."""
    from napari_stem.api.cohorts import iter_predict_cohort
    from napari_stem.cli.cohort_table import run_cohort
    from napari_stem.cohort.methods import methods_of
    from napari_stem.cohort.order import Goal

    if embed and evaluate:
        raise OptionError("--embed and --evaluate exclude each other. Choose one.")
    goal = Goal.EMBED if embed else Goal.EVALUATE if evaluate else Goal.PREDICT
    if training and not evaluate:
        raise OptionError("--train names what baselines of --evaluate learn from. Add --evaluate.")
    named = [f".{suffix.removeprefix('.')}" for suffix in formats or (".h5ad",)]
    work = iter_predict_cohort(
        [located(slide, data) for slide in slides], checkpoint, out, goal=goal, suffixes=named,
        genes=genes or (), statistics=statistics or (), threshold=threshold, pitch_um=pitch,
        tissue_share=tissue_share, bin_um=bin_um, report=report, leiden=LeidenOptions(**leiden),
        training_sections=[located(section, data) for section in training or ()],
        **crew, **options, **compute, **vars_of(opening), **files_of(cache, weights),
    )  # fmt: skip
    table = run_cohort(work, out)
    if evaluate and (methods := methods_of(out)):
        print_methods(methods)
    _say_end(table, out)


def vars_of(opening: Opening) -> dict[str, Any]:
    """The choices of an opening as keywords."""
    return {name: getattr(opening, name) for name in options_of(opening)}


def _say_end(table: pd.DataFrame, out: Path) -> None:
    counts = table.state.value_counts()
    n_failed = int(counts.get("failed", 0))
    say(f"{counts.get('done', 0)} of {counted(len(table), 'slide')} done: {out / FILE}")
    if n_failed:
        say(f"{counted(n_failed, 'slide')} failed; the same command tries again.")
        raise typer.Exit(_FAILED)
