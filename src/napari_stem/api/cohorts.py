"""Many slides, on this machine or on a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.api.models import CacheLike, Weights, with_files
from napari_stem.api.verbs import verb
from napari_stem.checkpoints.starter import checkpoint_file
from napari_stem.cohort.crew import Crew
from napari_stem.cohort.listing import find_slides
from napari_stem.cohort.order import Goal, Listed, Order
from napari_stem.defaults import TISSUE_SHARE
from napari_stem.errors import OptionError, WrongType
from napari_stem.events import Events
from napari_stem.extras import extra
from napari_stem.features.compute import Compute
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.sections.opening import Opening
from napari_stem.sections.public_data import is_sample
from napari_stem.storage import check_writable

if TYPE_CHECKING:
    import pandas as pd


@verb(options=PredictOptions, compute=Compute, opening=Opening, crew=Crew)
def predict_cohort(
    slides: str | Path | Iterable[str | Path],
    checkpoint: str | Path,
    folder: str | Path,
    *,
    options: PredictOptions,
    compute: Compute,
    opening: Opening,
    crew: Crew,
    goal: Literal["prediction", "embedding", "evaluation"] = "prediction",
    suffixes: Sequence[str] = (".h5ad",),
    genes: Sequence[str] = (),
    statistics: Sequence[str] = (),
    threshold: float = THRESHOLD,
    pitch_um: float | None = None,
    tissue_share: float = TISSUE_SHARE,
    bin_um: float | None = None,
    leiden: LeidenOptions | None = None,
    report: str | Path | None = None,
    training_sections: Sequence[str | Path] = (),
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[pd.DataFrame]:
    r"""Predict many slides, here or on a cluster; the same call goes on where it stopped.

    Parameters
    ----------
    slides
        Slides or sections; folders of them; patterns such as "slides/**/*.svs"; or tables (.csv)
        with the columns slide, spots, image, mpp, name and patient, of which only the first is
        needed.
    checkpoint
        Path of what `train` made, or "starter"; workers on other machines read it, too.
    folder
        Folder of the manifest and of the files of each slide.
    {options}
    goal
        "prediction"; "embedding" only computes embeddings; "evaluation" only compares draws with
        the counts of the spots.
    suffixes
        Formats in which predictions are written, as `write_prediction` knows them.
    genes
        Genes that figures and reports show; none takes the leading ones.
    statistics, threshold
        As in `predict`.
    pitch_um, tissue_share, bin_um
        Of grids and spots, as in `read_section` and `make_grid`.
    leiden
        Options of the clusters; None takes the defaults of `find_clusters`.
    report
        A page (.html) to write at the end: all slides, and the first of `genes` on each of them in
        the same colours.
    training_sections
        Paths or names of sections that the checkpoint was trained on: an evaluation then compares
        baselines that learn from them, in a file per slide, as `evaluate` does.
    cache
        Folder that keeps embeddings and draws, which all workers share: True for the user's own.
    weights
        Local weight files of encoders, or their folders, by encoder name.
    progress
        Whether to show a progress bar; None shows it in terminals and notebooks.
    on_event
        Called with each event; a `cohort.standing.Standing` tells how many slides are done.

    Returns
    -------
    The manifest, which `manifest.csv` in the folder holds, too: one row per slide with `state`
    ("done", "failed", "waiting" or "running"), `reason`, `spots`, `ood_share`, seconds by stage,
    metrics where there are counts, and `outputs`. Slides that failed raise nothing.

    Raises
    ------
    StemError
        Nothing can be done: the slides, the checkpoint or the scheduler cannot be had.

    Examples
    --------
    >>> slides = folder / "slides.csv"
    >>> _ = slides.write_text(f"slide,spots,mpp,name\n{image},{table},0.5,A\n")
    >>> manifest = stem.predict_cohort(
    ...     slides, checkpoint_file, folder / "cohort", workers=0, n_draws=2
    ... )
    >>> manifest.loc[0, "state"], manifest.loc[0, "outputs"]
    ('done', 'A-prediction.h5ad')
    """
    work = with_files(compute, cache, weights)
    if work.cache is None:
        raise OptionError("cache is False, but a cohort goes on from its cache. Pass a folder.")
    if not isinstance(checkpoint, str | Path):
        raise WrongType.of("checkpoint", checkpoint, "the path of a checkpoint, for all workers")
    order = Order(
        checkpoint_file(checkpoint).absolute(), Goal(goal), options, work, opening,
        leiden or LeidenOptions(),
        tuple(statistics), threshold, tuple(suffixes), tuple(genes), pitch_um, tissue_share, bin_um,
        tuple(map(_path, training_sections)),
    )  # fmt: skip
    place = Path(folder).absolute()
    sources = [slides] if isinstance(slides, str | Path) else slides
    listed = find_slides(sources, apart=place)
    if report is not None:
        check_writable(Path(report))
    order.check(map(place.joinpath, _files(order)))
    with extra("cohort", "A cohort"):
        from napari_stem.cohort.run import iter_cohort as iter_work
    manifest = yield from iter_work(listed, order, place, crew)
    if report is not None:
        from napari_stem.cohort.summary import write_summary

        write_summary(place, Path(report), next(iter(genes), ""))
    return manifest.table()


iter_predict_cohort = predict_cohort.events


def _path(section: str | Path) -> str:
    """What workers open: a name, or a path that does not depend on where they run."""
    return str(section) if is_sample(str(section)) else str(Path(section).absolute())


def _files(order: Order) -> list[str]:
    """Names of the files of any slide, whose formats are then checked."""
    return order.outputs(Listed("", name="slide")) if order.goal is Goal.PREDICT else []
