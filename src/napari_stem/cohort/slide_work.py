"""One slide from its path to its files, whoever asks: a command, or a worker of a cohort."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.analysis.cluster import FEWEST, iter_find_clusters
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.exports.encodable import encodable
from napari_stem.exports.h5ad import write_h5ad
from napari_stem.exports.registry import iter_write_prediction
from napari_stem.prediction.predict import iter_predict
from napari_stem.text import one_line

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.cohort.order import Listed, Order
    from napari_stem.events import Events
    from napari_stem.sections.opened import Opened
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """An open slide and the spots on it."""

    slide: Slide
    spots: AnnData


def open_place(opened: Opened, listed: Listed, order: Order) -> Place:
    """Open a slide and its spots, which `opened` closes.

    Raises
    ------
    SlideError, SpotsError, OptionError
        The error names the cause and what to do.
    """
    slide, spots = opened.place(
        listed.slide, listed.spots or None, pitch_um=order.pitch_um,
        tissue_share=order.tissue_share, image=listed.image or None, mpp=listed.mpp,
        bin_um=order.bin_um, opening=order.opening,
    )  # fmt: skip
    return Place(slide, spots)


def iter_embedding(
    place: Place, checkpoint: Checkpoint, order: Order
) -> Events[NDArray[np.float32]]:
    """Embed the patches around the spots of a slide (n, d), as its prediction does."""
    vectors = yield from iter_embed_as(
        checkpoint.recipe, place.slide, place.spots,
        bfloat16=order.options.bfloat16, compute=order.compute,
    )  # fmt: skip
    return vectors[:, 0]


def iter_prediction(place: Place, checkpoint: Checkpoint, order: Order) -> Events[AnnData]:
    """Predict at the spots of a slide, and cluster them where they are enough.

    Clusters that cannot be found are a warning of the prediction, which is worth keeping.
    """
    prediction = yield from iter_predict(
        place.slide, place.spots, checkpoint, order.options, order.compute,
        statistics=order.statistics, threshold=order.threshold,
    )  # fmt: skip
    if prediction.n_obs >= FEWEST:
        try:
            clusters = yield from iter_find_clusters(prediction, order.leiden)
            clusters.keep_in(prediction)
        except Exception as error:  # noqa: BLE001  # of libraries; the prediction is whole without
            warning = f"No clusters were found: {one_line(error)}."
            prediction.uns["napari_stem"]["warnings"].append(warning)
    return prediction


def iter_write_outputs(
    prediction: AnnData,
    paths: Iterable[Path],
    genes: Sequence[str],
    tell: Callable[[Path], object] = lambda path: None,
    also_failed: Callable[[Exception], object] = lambda error: None,
) -> Events[None]:
    """Write a prediction to files, and tell of each; the first error waits for the others.

    Further errors are given to `also_failed`.

    Raises
    ------
    StemError
        A file could not be written.
    """
    failed: list[Exception] = []
    for path in paths:
        try:
            yield from iter_write_prediction(prediction, path, genes=genes)
        except Exception as error:  # noqa: BLE001  # the other files are written first
            failed.append(error)
        else:
            tell(path)
    for further in failed[1:]:
        also_failed(further)
    if failed:
        raise failed[0]


def write_embedding(spots: AnnData, vectors: NDArray[np.float32], path: Path) -> None:
    """Write spots with the embeddings of their patches in `obsm["embedding"]`."""
    spots.obsm["embedding"] = vectors
    write_h5ad(encodable(spots), path)
