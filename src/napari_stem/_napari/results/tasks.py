"""Work that the Result panel runs in a thread, as generators for `worker.start`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import importing
from napari_stem._napari.state.result import Result
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from napari_stem.genes.markers import MarkerSet


def compute_statistic(result: Result, statistic: str, threshold: float) -> Events[Result]:
    """The result with a statistic computed from its draws in the cache."""
    yield Progress(0, 0, "compute", statistic)
    with importing:
        from napari_stem.prediction.kept_draws import draws_of
        from napari_stem.prediction.predict import iter_add_statistics
        from napari_stem.storage import cache_dir

    assert result.prediction is not None
    prediction = _same_arrays(result.prediction)
    draws = draws_of(prediction, cache_dir())
    yield from iter_add_statistics(prediction, draws, [statistic], threshold)
    return Result.of_prediction(result.slide, prediction, result.request)


def read_marker_sets() -> Events[list[MarkerSet]]:
    """All marker sets."""
    yield Progress(0, 0, "read", "marker sets")
    with importing:
        from napari_stem.genes.markers import marker_sets

    return marker_sets()


def import_marker_set(path: Path) -> Events[MarkerSet]:
    """Import the genes of a file as a marker set."""
    yield Progress(0, 0, "read", path.name)
    with importing:
        from napari_stem.genes.markers import import_marker_set

    return import_marker_set(path)


def save_marker_set(name: str, genes: Sequence[str]) -> Events[MarkerSet]:
    """Save genes as a marker set."""
    yield Progress(0, 0, "save", name)
    with importing:
        from napari_stem.genes.markers import save_marker_set

    return save_marker_set(name, genes)


def _same_arrays(prediction: AnnData) -> AnnData:
    """A table of its own that shares its arrays: an export may be reading the other one."""
    from anndata import AnnData

    made = AnnData(prediction)
    made.uns = {**made.uns, "napari_stem": {**made.uns["napari_stem"]}}
    return made
