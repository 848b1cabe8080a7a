"""Work that the Clusters dock runs in a thread, as generators for `worker.start`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_stem._napari.shell.hints import in_words
from napari_stem._napari.shell.imports import importing
from napari_stem.errors import StemError
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame, Series

    from napari_stem._napari.state.result import Result
    from napari_stem.analysis.agreement import Agreement
    from napari_stem.analysis.labels import Clusters
    from napari_stem.analysis.leiden_options import LeidenOptions


def find_clusters(result: Result, options: LeidenOptions) -> Events[Clusters]:
    """Leiden clusters of a prediction."""
    yield Progress(0, 0, "cluster")
    with importing:
        from napari_stem.analysis.cluster import iter_find_clusters

    assert result.prediction is not None
    return (yield from iter_find_clusters(result.prediction, options))


def rank_genes(result: Result, clusters: Clusters) -> Events[DataFrame]:
    """Genes of each cluster, ranked against all other spots."""
    yield Progress(0, 0, "rank")
    with importing:
        from napari_stem.analysis.marker_genes import rank_genes

    assert result.prediction is not None
    return rank_genes(result.prediction, clusters)


def compare(clusters: Series[str], annotation: Series[Any]) -> Events[Agreement | str]:
    """The agreement of clusters with an annotation, or why there is none."""
    yield Progress(0, 0, "compare")
    with importing:
        from napari_stem.analysis.agreement import compare

    try:
        return compare(clusters, annotation)
    except StemError as error:
        return in_words(error)


def save_ranking(ranking: DataFrame, clusters: Clusters, path: Path) -> Events[Path]:
    """Write a ranking as a CSV file."""
    yield Progress(0, 0, "save", path.name)
    with importing:
        from napari_stem.analysis.marker_genes import write_ranking

    write_ranking(ranking, clusters, path)
    return path
