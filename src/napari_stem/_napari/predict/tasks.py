"""Work that the Predict dock runs in a thread, as generators for `worker.start`.

They import in the thread: torch and scanpy take seconds, but a dock must open at once.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import (
    importing,
    load_for_predicting,
    load_triton_apart,
)
from napari_stem._napari.shell.networks import in_memory
from napari_stem._napari.state.result import Result, per_gene
from napari_stem.events import Event, Events, Partial, Progress, relay

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.request import PredictRequest
    from napari_stem.defaults import Layout
    from napari_stem.slides.slide import Slide

Region = Sequence["NDArray[np.float64]"]  # polygons: (m, 2) corners x, y in level-0 pixels


def load() -> Events[list[str]]:
    """Load what predictions need; the result are the names of the devices that are here."""
    yield from load_for_predicting()
    with importing:
        from napari_stem.devices import present_devices

    return present_devices()


def spots_beside(image: Path) -> Events[Path | None]:
    """The path of the spots that lie with the file of a slide; None if there are none."""
    yield Progress(0, 0, "look", image.name)
    with importing:
        from napari_stem.sections.beside import spots_beside

    return spots_beside(image)


def scale_by_pitch(slide: Slide, spots: AnnData, pitch_um: float) -> Events[Slide]:
    """The slide at the scale that gives its spots a pitch in µm."""
    yield Progress(0, 0, "measure", slide.name)
    with importing:
        from napari_stem.spots.table import mpp_from_pitch

    return slide.with_mpp(mpp_from_pitch(spots, pitch_um), source="spot pitch")


def make_grid(
    slide: Slide,
    *,
    pitch_um: float,
    diameter_um: float,
    layout: Layout,
    region: Region = (),
) -> Events[AnnData]:
    """A regular grid of spots over the tissue, or in a region with or without tissue."""
    yield Progress(0, 0, "grid", slide.name)
    with importing:
        from napari_stem.errors import SpotsError
        from napari_stem.spots.grid import make_grid
        from napari_stem.spots.selection import select

    try:
        grid = make_grid(
            slide, pitch_um=pitch_um, diameter_um=diameter_um, layout=layout, on_tissue=not region
        )
    except SpotsError as error:
        if region:
            raise
        raise SpotsError(
            f"No tissue was detected on {slide.name} for a grid of {pitch_um:g} µm. Draw a "
            "region, then press Grid in region."
        ) from error
    return select(grid, region=region or None)


def spots_in_region(spots: AnnData, slide: Slide, region: Region) -> Events[AnnData]:
    """The spots whose centre lies in one of the polygons of the region."""
    yield Progress(0, 0, "select", slide.name)
    with importing:
        from napari_stem.spots.selection import select

    return select(spots, region=region)


def describe_spots(spots: AnnData, slide: Slide) -> Events[str]:
    """Number, pitch and diameter of the spots, and their notes."""
    yield Progress(0, 0, "measure", slide.name)
    from napari_stem.spots.notes import notes_of  # imported already by whoever made them
    from napari_stem.spots.table import pitch, spot_diameter

    unit, mpp = ("µm", slide.mpp) if slide.mpp else ("pixels", 1.0)
    sizes = f"Ø {spot_diameter(spots) * mpp:.0f} {unit}"
    if spots.n_obs == 1:
        return f"1 spot, {sizes}"
    told = "".join(f"\n{note[0].upper()}{note[1:]}" for note in notes_of(spots))
    return f"{spots.n_obs:,} spots, pitch {pitch(spots) * mpp:.0f} {unit}, {sizes}{told}"


def predict(request: PredictRequest) -> Generator[Event | Result, None, Result]:
    """Predict; incomplete results with the mean of the draws so far are yielded on the way."""
    yield Progress(0, 0, "load", request.checkpoint.path.name)
    load_triton_apart()
    with importing:
        from napari_stem.prediction.predict import iter_predict

    held = in_memory(request.checkpoint)
    compute = held.compute(request.checkpoint, request.compute)
    events = iter_predict(request.slide, request.spots, held.checkpoint, request.options, compute)
    told: Generator[Event | Result, None, AnnData] = relay(events, partial(_shown, request))
    prediction = yield from told
    return Result.of_prediction(request.slide, prediction, request)


def _shown(request: PredictRequest, event: Event) -> Event | Result:
    """An event as it is told; of draws, a result that shows them."""
    if not isinstance(event, Partial):
        return event
    return Result(
        slide=request.slide,
        spots=request.spots,
        genes=request.checkpoint.recipe.panel,
        unit=request.checkpoint.unit,
        values={"mean": event.mean, **per_gene(event.ood, event.mean.shape[1])},
        n_draws=event.draws,
        request=request,
    )
