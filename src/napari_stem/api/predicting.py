"""From slides to embeddings, predictions and single points."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.api.models import (
    CacheLike,
    CheckpointLike,
    EncodersLike,
    Weights,
    as_cache,
    as_checkpoint,
    as_encoders,
    with_files,
)
from napari_stem.api.verbs import verb
from napari_stem.defaults import ENCODERS
from napari_stem.errors import OptionError
from napari_stem.events import Events
from napari_stem.features.compute import Compute
from napari_stem.features.embed import iter_embed as iter_embedding
from napari_stem.features.patches import PatchGeometry, as_geometry
from napari_stem.prediction import kept_draws
from napari_stem.prediction import predict as prediction_room
from napari_stem.prediction.inspect import Inspector
from napari_stem.prediction.inspection import Inspection
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import THRESHOLD
from napari_stem.prediction.trust import StemWarning, warnings_of
from napari_stem.sections.opened import Opened, SectionLike, SlideLike, SpotsLike
from napari_stem.sections.opening import Opening
from napari_stem.spots.table import spot_diameter

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray


@verb(compute=Compute, opening=Opening)
def embed(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None = None,
    encoders: EncodersLike = ENCODERS,
    *,
    compute: Compute,
    opening: Opening,
    geometry: PatchGeometry | str = "physical",
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[NDArray[np.float32]]:
    """Compute embeddings of the patches around spots with pathology foundation models.

    Parameters
    ----------
    slide
        A slide or a section, or the path or name of one.
    spots
        A spot table or the path of one; None takes the section's own, or a grid over the tissue.
    encoders
        Names ("morphology", "uni", …; `encoders` lists them); several are concatenated.
    geometry
        The tissue that a patch covers: "physical", 112 µm across, or "paper", 224 level-0 pixels.
    cache
        Folder that caches results: True for the user's own, False for none.
    weights
        Local weight files of encoders, or their folders, by encoder name.
    {options}
    progress
        Whether to show a progress bar; None shows it in terminals and notebooks.
    on_event
        Called with each event of the work.

    Returns
    -------
    (n, d) one vector per spot.

    Raises
    ------
    StemError
        The error names the cause and what to do.

    Examples
    --------
    >>> stem.embed("generated:1", spots.copy(), "morphology").shape
    (4, 242)
    """
    with Opened() as opened:
        place, table = opened.place(slide, spots, opening=opening)
        vectors = yield from iter_embedding(
            place, table, as_encoders(encoders), as_geometry(geometry),
            compute=with_files(compute, cache, weights),
        )  # fmt: skip
    return vectors[:, 0]


@verb(options=PredictOptions, compute=Compute, opening=Opening)
def predict(
    slide: SlideLike | SectionLike,
    spots: SpotsLike | None,
    checkpoint: CheckpointLike,
    *,
    options: PredictOptions,
    compute: Compute,
    opening: Opening,
    statistics: Sequence[str] = (),
    threshold: float = THRESHOLD,
    cache: CacheLike = True,
    weights: Weights = None,
) -> Events[AnnData]:
    """Predict gene expression at the spots of a slide.

    Parameters
    ----------
    slide
        A slide or a section, or the path or name of one.
    spots
        A spot table or the path of one; None takes the section's own, or a grid over the tissue.
    checkpoint
        What `train` made, or its path.
    {options}
    statistics, threshold
        Further statistics over the draws, which become layers, such as "median" or "above" (the
        share of draws above `threshold`); `prediction.statistics.STATISTICS` lists all.
    cache
        Folder that keeps embeddings and draws, so that stopped work goes on: True for the user's
        own, which the terminal and napari share, False for none.
    weights
        Local weight files of encoders, or their folders, by encoder name.
    progress
        Whether to show a progress bar; None shows it in terminals and notebooks.
    on_event
        Called with each event; a `Partial` carries the mean of the draws so far.

    Returns
    -------
    AnnData of spots by the checkpoint's genes. `X` is the mean of the draws in the log space of
    the training counts; `layers` hold "std", "q05", "q95", and "truth" where the spots measured
    the genes; `obs["ood"]` is how far a spot is from the training tissue (above 1: farther than
    99 % of a left-out section); `var` has mean, variance and Moran's I; `uns["napari_stem"]` how it
    was made, with `notes` of what was found and assumed, and `warnings`, which Python shows as
    `StemWarning`.

    Raises
    ------
    StemError
        The error names the cause and what to do.

    Examples
    --------
    >>> prediction = stem.predict(slide, spots, checkpoint, n_draws=4)
    >>> prediction.shape
    (4, 8)
    """
    model, work = as_checkpoint(checkpoint), with_files(compute, cache, weights)
    with Opened() as opened:
        place, table = opened.place(slide, spots, opening=opening)
        prediction = yield from prediction_room.iter_predict(
            place, table, model, options, work, statistics=statistics, threshold=threshold
        )
    for warning in warnings_of(prediction):
        warnings.warn(warning, StemWarning, stacklevel=2)
    return prediction


@verb(options=PredictOptions, compute=Compute, opening=Opening)
def inspect(
    slide: SlideLike | SectionLike,
    xy: tuple[float, float],
    checkpoint: CheckpointLike,
    *,
    options: PredictOptions,
    compute: Compute,
    opening: Opening,
    spots: SpotsLike | None = None,
    weights: Weights = None,
) -> Events[Inspection]:
    """Predict at one point of a slide, with its distance to the training data.

    Parameters
    ----------
    slide
        A slide or a section, or the path or name of one.
    xy
        The point, x and y in level-0 pixels.
    checkpoint
        What `train` made, or its path.
    spots
        Spots of the slide, of which the nearest one that measured counts is compared; None takes
        the section's own, or a grid.
    {options}
    weights, progress
        As in `predict`, which makes the same draws for a spot at this point.
    on_event
        Called with each event; an `Inspection` carries the draws so far.

    Returns
    -------
    The draws (K, c), mean and 90 % interval of each gene, the nearest measured spot, and the
    distance to the training tissue.

    Raises
    ------
    StemError
        The error names the cause and what to do.

    Examples
    --------
    >>> point = stem.inspect(slide, (600, 600), checkpoint, spots=spots, n_draws=4)
    >>> low, high = point.interval("EPCAM")
    >>> low < point.mean("EPCAM") < high
    True
    """
    work = with_files(compute, cache=False, weights=weights)
    inspector = Inspector(as_checkpoint(checkpoint), options, work)
    with Opened() as opened:
        place, table = opened.place(slide, spots, opening=opening)
        point, diameter = (float(xy[0]), float(xy[1])), spot_diameter(table)
        return (
            yield from inspector.iter_inspect(place, point, spot_diameter_px=diameter, spots=table)
        )


iter_embed, iter_predict, iter_inspect = embed.events, predict.events, inspect.events


def draws_of(prediction: AnnData, *, cache: CacheLike = True) -> NDArray[np.float32]:
    """The draws that a prediction summarises, while the cache still has them.

    Parameters
    ----------
    prediction
        What `predict` returned, whole: draws of a part of its spots or genes are taken of the
        array that this returns.
    cache
        The folder that `predict` was given.

    Returns
    -------
    (K, n, c): draws, spots, genes, in the order of the prediction, in the unit of its `X`.

    Raises
    ------
    StorageError
        They are gone, or some were never drawn.
    SpotsError
        Spots or genes of the table are not those of the draws.

    Examples
    --------
    >>> prediction = stem.predict(slide, spots, checkpoint, n_draws=4)
    >>> draws = stem.draws_of(prediction)
    >>> draws.shape
    (4, 4, 8)
    >>> np.allclose(draws.mean(axis=0), prediction.X, atol=1e-3)
    True
    """
    folder = as_cache(cache)
    if folder is None:
        raise OptionError(
            "cache is False, but draws are read from a cache. Pass the cache that `predict` used."
        )
    with kept_draws.draws_of(prediction, folder) as store:
        return store.read(draws=slice(int(prediction.uns["napari_stem"]["n_draws"])))
