"""Work that the Result panel runs in a thread, as generators for `worker.start`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from napari_stem._napari.state.result import Result
    from napari_stem.genes.markers import MarkerSet


def compute_statistic(result: Result, statistic: str, threshold: float) -> Events[Result]:
    """The result with a statistic computed from its draws in the cache."""
    yield Progress(0, 0, "compute", statistic)
    from napari_stem.prediction.predict import draws_of
    from napari_stem.prediction.statistics import STATISTICS
    from napari_stem.storage import cache_dir

    assert result.prediction is not None
    entry = STATISTICS[statistic]
    store = draws_of(result.prediction, cache_dir())
    (values,) = store.summary([partial(entry, threshold=threshold)], result.n_draws)
    if entry.takes_threshold:
        result = replace(result, threshold=threshold)
    return result.with_values(statistic, values)


def read_marker_sets() -> Events[list[MarkerSet]]:
    """All marker sets."""
    yield Progress(0, 0, "read", "marker sets")
    from napari_stem.genes.markers import marker_sets

    return marker_sets()


def import_marker_set(path: Path) -> Events[MarkerSet]:
    """Import the genes of a file as a marker set."""
    yield Progress(0, 0, "read", path.name)
    from napari_stem.genes.markers import import_marker_set

    return import_marker_set(path)


def save_marker_set(name: str, genes: Sequence[str]) -> Events[MarkerSet]:
    """Save genes as a marker set."""
    yield Progress(0, 0, "save", name)
    from napari_stem.genes.markers import save_marker_set

    return save_marker_set(name, genes)
