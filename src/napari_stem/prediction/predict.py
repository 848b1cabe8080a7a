"""From a slide, spots and a checkpoint to a prediction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from anndata import AnnData

from napari_stem.analysis.columns import annotation_columns
from napari_stem.analysis.morans_i import morans_i, neighbour_graph
from napari_stem.cache import mark_used, trim
from napari_stem.checkpoints.embedding import iter_embed_as
from napari_stem.checkpoints.gene_trust import from_description
from napari_stem.checkpoints.learned import why_learned
from napari_stem.events import Event, Events, Partial, Progress, relay
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.hub import check_stamps
from napari_stem.features.patches import low_resolution
from napari_stem.genes.counts import UNITS, measured
from napari_stem.model.diffusion import Schedule
from napari_stem.prediction.draws import DrawStore
from napari_stem.prediction.kept_draws import rows_and_columns, store_name, store_path
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.sampling import iter_sample
from napari_stem.prediction.statistics import CARRIED, THRESHOLD, Statistic, find_statistics
from napari_stem.roomy import columns_of
from napari_stem.slides.slide import Slide
from napari_stem.spots.notes import notes_of
from napari_stem.spots.provenance import provenance, software_versions
from napari_stem.spots.table import check_spots, library, positions, spot_diameter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.checkpoints.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Drawn:
    """Draws of a set of spots, and how far each spot is from the training data.

    Attributes
    ----------
    name
        What finds the store in a cache again.
    """

    name: str
    store: DrawStore
    embeddings: NDArray[np.float32]
    ood: NDArray[np.float32]


def iter_draws(
    slide: Slide,
    spots: AnnData,
    checkpoint: Checkpoint,
    options: PredictOptions,
    compute: Compute,
) -> Events[Drawn]:
    """Embed the patches around spots and draw expression for each.

    The caller closes the returned store.

    Raises
    ------
    SlideError, SpotsError, EncoderError, OptionError, StorageError
        The error names the cause and what to do.
    """
    check_spots(spots, slide)
    recipe, readout = checkpoint.recipe, checkpoint.readout.at_depth(options.depth)
    check_stamps(checkpoint.about.get("weights", {}), recipe.encoders, compute.weights)
    embeddings = yield from iter_embed_as(
        recipe, slide, spots, bfloat16=options.bfloat16, compute=compute
    )
    embeddings = embeddings[:, 0]
    name = store_name(embeddings, spots, checkpoint, options)
    path = None
    if compute.cache is not None:
        path = store_path(compute.cache, name)
        mark_used(path)
        trim(compute.cache)
    store = DrawStore.open_or_create(
        path,
        key=name,
        n_draws=options.n_draws,
        n_spots=spots.n_obs,
        n_genes=len(recipe.panel),
    )
    try:
        ood = checkpoint.condition.ood(embeddings)
        drawing = iter_sample(
            checkpoint.network,
            Schedule(recipe.diffusion),
            checkpoint.condition.transform(embeddings, compute.cache),
            positions(spots),
            store,
            options,
            compute,
            readout=readout,
        )
        yield from relay(drawing, partial(_with_ood, ood))
        return Drawn(name, store, embeddings, ood)
    except BaseException:
        store.close()
        raise


def _with_ood(ood: NDArray[np.float32], event: Event) -> Event:
    return replace(event, ood=ood) if isinstance(event, Partial) else event


def iter_predict(
    slide: Slide,
    spots: AnnData,
    checkpoint: Checkpoint,
    options: PredictOptions | None = None,
    compute: Compute | None = None,
    *,
    statistics: Sequence[str] = (),
    threshold: float = THRESHOLD,
) -> Events[AnnData]:
    """Predict expression around spots; `Partial` events carry the mean of the draws so far.

    Parameters
    ----------
    statistics
        Names of further statistics over draws (`statistics.STATISTICS`); each becomes a layer.
    threshold
        Of those that take one, in the recipe's log space.

    Returns
    -------
    A table of the spots by the checkpoint's panel. `X` is the mean over draws in the recipe's
    log space, `layers` hold "std", "q05" and "q95", and "truth" where the spots measured all of the
    panel, `var` the genes' mean, variance and Moran's I, and what held-out tissue showed of them
    (`checkpoints.gene_trust`), `obs["ood"]` the distance to the training
    data (1 = the 99th percentile of its own), beside it the annotations of the spots,
    `uns["spatial"]` a thumbnail, and `uns["napari_stem"]` how it was made.

    Raises
    ------
    SlideError, SpotsError, EncoderError, OptionError, StorageError
        The error names the cause and what to do.
    """
    options = options or PredictOptions()
    find_statistics(statistics)
    drawn = yield from iter_draws(slide, spots, checkpoint, options, compute or Compute())
    with closing(drawn.store):
        return (
            yield from iter_summarise(
                drawn, slide, spots, checkpoint, options, statistics, threshold
            )
        )


def iter_summarise(
    drawn: Drawn,
    slide: Slide,
    spots: AnnData,
    checkpoint: Checkpoint,
    options: PredictOptions,
    statistics: Sequence[str] = (),
    threshold: float = THRESHOLD,
) -> Events[AnnData]:
    """Statistics over draws as a prediction (see `iter_predict`), progress between its parts."""
    recipe = checkpoint.recipe
    entries = [*find_statistics(CARRIED), *_on_demand(statistics)]
    found = yield from _iter_layers(drawn.store, entries, options.n_draws, threshold)
    prediction = AnnData(
        found.pop("mean"),
        obs=spots.obs[annotation_columns(spots.obs)].assign(ood=drawn.ood),
        layers=found,
        obsm={"spatial": positions(spots)},
    )
    prediction.var_names = list(recipe.panel)
    yield from _describe_genes(prediction)
    genes, truth = measured(spots, recipe.panel, recipe.transform)
    if len(genes) == len(recipe.panel):
        prediction.layers["truth"] = truth
    for name, column in from_description(checkpoint.about, recipe.panel).items():
        prediction.var[name] = column
    prediction.uns["spatial"] = {library(spots): _picture(slide, spots)}
    prediction.uns["napari_stem"] = {
        "recipe": recipe.to_json(),
        "unit": UNITS[recipe.transform],
        "statistic": "mean",
        **options.of_a_draw(recipe.diffusion),
        "depth": checkpoint.readout.at_depth(options.depth).molecules,
        "n_draws": options.n_draws,
        "slide": slide.name,
        "slide_path": str(slide.path.absolute()) if slide.path else "",
        "checkpoint": checkpoint.fingerprint,
        "checkpoint_path": str(checkpoint.path.absolute()) if checkpoint.path else "",
        "slide_fingerprint": slide.fingerprint,
        "slide_picture": slide.picture,
        "mpp": slide.mpp or 0.0,
        "draws": drawn.name,
        "drawn_for": rows_and_columns(prediction),
        "seen": why_learned(checkpoint, slide, spots, slide.name),
        "versions": json.dumps(software_versions()),
    }
    _note_threshold(prediction, entries, threshold)
    _add_doubts(prediction, slide, spots, recipe)
    return prediction


def _add_doubts(prediction: AnnData, slide: Slide, spots: AnnData, recipe: Recipe) -> None:
    """Add warnings, and notes of what was found and assumed about slide and spots."""
    coarse = low_resolution(slide, recipe.geometry, spot_diameter(spots))
    warnings = (
        [f"The resolution is too low, predictions are unreliable: {coarse}"] if coarse else []
    )
    prediction.uns["napari_stem"]["warnings"] = warnings
    prediction.uns["napari_stem"]["notes"] = [*dict.fromkeys([*slide.notes, *notes_of(spots)])]


def iter_add_statistics(
    prediction: AnnData, store: DrawStore, names: Sequence[str], threshold: float = THRESHOLD
) -> Events[None]:
    """Add layers with further statistics over the draws that a prediction summarises.

    Parameters
    ----------
    names
        Of `statistics.STATISTICS`.
    threshold
        Of those that take one, in the unit of the prediction, which then holds it.

    Raises
    ------
    OptionError
        No statistic over draws has that name.
    """
    entries, n_draws = _on_demand(names), int(provenance(prediction, "n_draws")["n_draws"])
    prediction.layers.update((yield from _iter_layers(store, entries, n_draws, threshold)))
    _note_threshold(prediction, entries, threshold)


def _on_demand(names: Sequence[str]) -> list[Statistic]:
    return [entry for entry in find_statistics(names) if entry.on_demand]


def _iter_layers(
    store: DrawStore, entries: Sequence[Statistic], n_draws: int, threshold: float
) -> Events[dict[str, NDArray[np.float32]]]:
    """(n, c) of each statistic, by its name."""
    functions = [partial(entry, threshold=threshold) for entry in entries]
    found = yield from store.iter_summary(functions, n_draws)
    return {entry.name: values for entry, values in zip(entries, found, strict=True)}


def _note_threshold(prediction: AnnData, entries: Sequence[Statistic], threshold: float) -> None:
    if any(entry.takes_threshold for entry in entries):
        prediction.uns["napari_stem"]["threshold"] = threshold


def _describe_genes(prediction: AnnData) -> Events[None]:
    """Columns of `var`: mean and variance over spots, and how patchy a gene is."""
    prediction.var["mean"] = prediction.X.mean(axis=0, dtype=np.float64)
    graph = neighbour_graph(prediction.obsm["spatial"]) if prediction.n_obs > 1 else None
    variance, patchy = [], []
    for some in columns_of(prediction.X):
        yield Progress(prediction.n_obs, prediction.n_obs, "summarise")
        variance.append(some.var(axis=0, dtype=np.float64))
        if graph is not None:
            patchy.append(morans_i(some, graph))
    prediction.var["variance"] = np.concatenate(variance)
    if patchy:
        prediction.var["morans_i"] = np.concatenate(patchy)


def _picture(slide: Slide, spots: AnnData) -> dict[str, object]:
    """What scanpy and squidpy need to draw spots over the slide."""
    image, downsample = slide.thumbnail()
    return {
        "images": {"hires": image},
        "scalefactors": {
            "tissue_hires_scalef": 1 / downsample,
            "spot_diameter_fullres": spot_diameter(spots),
        },
    }
