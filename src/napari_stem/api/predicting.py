"""Slides to embeddings and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem.api.arguments import (
    CacheLike,
    CheckpointLike,
    EncoderLike,
    SectionLike,
    SlideLike,
    SpotsLike,
    as_checkpoint,
    as_compute,
    as_encoders,
    as_geometry,
    as_place,
)
from napari_stem.api.progress import OnEvent, run
from napari_stem.defaults import ENCODERS, N_DRAWS, SAMPLER
from napari_stem.features import embed as features
from napari_stem.prediction import predict as prediction
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.events import Events
    from napari_stem.features.patches import PatchGeometry


def iter_embed(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None = None,
    encoders: EncoderLike | Sequence[EncoderLike] = ENCODERS,
    *,
    geometry: PatchGeometry | str = "physical",
    cache: CacheLike = True,
    weights: Mapping[str, str | Path] | None = None,
    device: str = "auto",
) -> Events[NDArray[np.float32]]:
    """Describe the patches around spots, event by event; see `embed`."""
    place, table = as_place(slide, spots)
    vectors = yield from features.iter_embed(
        place,
        table,
        as_encoders(encoders),
        as_geometry(geometry),
        compute=as_compute(cache=cache, weights=weights, device=device),
    )
    return vectors[:, 0]


def embed(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None = None,
    encoders: EncoderLike | Sequence[EncoderLike] = ENCODERS,
    *,
    progress: bool | None = None,
    on_event: OnEvent = None,
    **options: Any,
) -> NDArray[np.float32]:
    """."""
    return run(iter_embed(slide, spots, encoders, **options), progress=progress, on_event=on_event)


def iter_predict(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None,
    checkpoint: CheckpointLike,
    *,
    n_draws: int = N_DRAWS,
    sampler: str = SAMPLER,
    steps: int | None = None,
    seed: int = 0,
    cache: CacheLike = True,
    weights: Mapping[str, str | Path] | None = None,
    device: str = "auto",
    batch_size: int = 256,
) -> Events[AnnData]:
    """Predict expression around spots, event by event; see `predict`."""
    options = PredictOptions(n_draws=n_draws, sampler=sampler, steps=steps, seed=seed)
    compute = as_compute(cache=cache, weights=weights, device=device, batch_size=batch_size)
    model = as_checkpoint(checkpoint)
    place, table = as_place(slide, spots)
    return (yield from prediction.iter_predict(place, table, model, options, compute))


def predict(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None,
    checkpoint: CheckpointLike,
    *,
    progress: bool | None = None,
    on_event: OnEvent = None,
    **options: Any,
) -> AnnData:
    """."""
    events = iter_predict(slide, spots, checkpoint, **options)
    return run(events, progress=progress, on_event=on_event)
