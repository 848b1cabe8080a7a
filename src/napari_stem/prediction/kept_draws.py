"""Where the draws of a prediction are kept, and how they are found again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.cache import mark_used
from napari_stem.errors import SpotsError, StorageError
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.options import PredictOptions
from napari_stem.roomy import blocks
from napari_stem.spots.provenance import provenance
from napari_stem.spots.table import positions

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint

_ALGORITHM = 1  # counts up when the same spots would have other draws


def draws_of(prediction: AnnData, cache: Path) -> DrawStore:
    """The draws that a prediction summarises, while the cache still has them.

    Raises
    ------
    WrongType
        The table is no prediction.
    StorageError
        They are gone, or some were never drawn.
    SpotsError
        Spots or genes of the table are not those of the draws, in their order.
    """
    about = provenance(prediction, "n_draws")
    name, drawn, n_draws = (about.get(key, "") for key in ("draws", "drawn_for", "n_draws"))
    if not name or drawn != rows_and_columns(prediction):
        raise SpotsError(
            f"The table's {prediction.n_obs} spots and {prediction.n_vars} genes differ "
            "from those of its draws. Take the draws of the whole prediction, then select "
            "rows and columns."
        )
    path = store_path(cache, str(name))
    store = DrawStore.open(path)
    mark_used(path)
    if store.n_draws < n_draws or not all(
        store.has(draw, rows) for draw in range(n_draws) for rows in store.blocks()
    ):
        raise StorageError(
            f"Some of the {n_draws} draws of this prediction are missing. Predict again."
        )
    return store


def rows_and_columns(prediction: AnnData) -> str:
    """The same only for the same spots and genes in the same order."""
    digest = hashlib.sha256(positions(prediction).tobytes())
    digest.update(repr(list(prediction.var_names)).encode())
    return digest.hexdigest()[:32]


def store_path(cache: Path, name: str) -> Path:
    """The folder of a store in a cache."""
    return cache / "draws" / f"{name}.zarr"


def store_name(
    embeddings: NDArray[np.float32],
    spots: AnnData,
    checkpoint: Checkpoint,
    options: PredictOptions,
) -> str:
    """A name that is unique to these draws, so that a repeated prediction finds them.

    Embeddings identify the slide, its scale, the patches and the weights of the encoders.
    """
    key = hashlib.sha256()
    for rows in blocks(len(embeddings)):
        key.update(embeddings[rows].tobytes())
    key.update(positions(spots).tobytes())
    chosen = options.of_a_draw(checkpoint.recipe.diffusion)
    key.update(repr((_ALGORITHM, checkpoint.fingerprint, sorted(chosen.items()))).encode())
    return key.hexdigest()[:32]
