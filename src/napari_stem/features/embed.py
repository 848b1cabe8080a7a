"""Patches to embeddings, batch by batch, cached on disk so that none is computed twice."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from napari_stem.cache import trim
from napari_stem.devices import choose_device
from napari_stem.errors import Hint, LowResolution, Remedy
from napari_stem.events import Event, Events, Pace, Progress, relay
from napari_stem.features.compute import Compute
from napari_stem.features.describing import Described, Describing
from napari_stem.features.encoders.builders import build_encoder
from napari_stem.features.encoders.hub import check_weights, weights_file
from napari_stem.features.kept_vectors import KeptVectors
from napari_stem.features.patches import (
    READERS,
    PatchGeometry,
    check_width,
    iter_patches,
    low_resolution,
)
from napari_stem.features.stains import Restaining
from napari_stem.features.stoppable import stoppable
from napari_stem.roomy import joined, roomy
from napari_stem.spots.table import check_spots, positions, spot_diameter
from napari_stem.storage import content_of
from napari_stem.workers import Workers, computes_alone

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray
    from torch import nn

    from napari_stem.features.encoders.entry import Encoder
    from napari_stem.features.stains import Stains
    from napari_stem.slides.slide import Slide

_Batches: TypeAlias = "Iterable[tuple[slice, NDArray[np.uint8]] | None]"

_PATIENCE = 2.0  # seconds after which what is read hangs
_ALGORITHM = 1  # counts up when the same patch would be described by other numbers


def iter_embed(
    slide: Slide,
    spots: AnnData,
    encoders: Sequence[Encoder],
    geometry: PatchGeometry,
    *,
    views: Sequence[int] = (0,),
    stains: Stains | None = None,
    bfloat16: bool = False,
    compute: Compute | None = None,
) -> Events[NDArray[np.float32]]:
    """Describe the patches around spots.

    Parameters
    ----------
    views
        Which of the eight flips and turns of a patch to describe (`patches.dihedral`).
    stains
        That patches get, as in `checkpoints.recipe.Recipe`.
    bfloat16
        Whether networks compute their matrix products in bfloat16; encoders whose authors use
        float16 on a GPU keep it there.
    compute
        Its cache keeps what was computed, so that a second call computes only what is missing.

    Returns
    -------
    (n, v, d): spots, views, and the encoders' vectors one after the other.

    Raises
    ------
    SpotsOutsideSlide, MissingScale, LowResolution, EncoderError, SlideUnreadable, StorageError
        The error names the cause and what to do.
    """
    compute = compute or Compute()
    check_weights(compute.weights, encoders)
    check_patches(slide, spots, geometry, allow_low_resolution=compute.allow_low_resolution)
    restaining = None
    if stains is not None:
        known = compute.loaded.stains
        restaining = Restaining(slide, geometry, spot_diameter(spots), stains, known)
    works = [
        _Work(slide, spots, encoder, geometry.widened(field), tuple(views), restaining, bfloat16)
        for encoder in encoders
        for field in encoder.fields
    ]
    vectors = []
    for number, work in enumerate(works):
        part = partial(as_part, number * spots.n_obs, len(works) * spots.n_obs)
        vectors.append((yield from relay(work.run(compute), part)))
    return joined(vectors, 2, compute.cache)


def as_part(before: int, total: int, event: Event) -> Event:
    """What is told of one part of the work as told of all; loading in between belongs to it."""
    if isinstance(event, Progress) and (event.total or before):
        return replace(event, done=before + event.done, total=total, stage="embed")
    return event


def check_patches(
    slide: Slide, spots: AnnData, geometry: PatchGeometry, *, allow_low_resolution: bool
) -> None:
    """Refuse spots that are not on the slide, and patches that it cannot give.

    Raises
    ------
    SpotsOutsideSlide, MissingScale, OptionError, LowResolution
        The error names the cause and what to do.
    """
    check_spots(spots, slide)
    diameter = spot_diameter(spots)
    check_width(slide, geometry, diameter)
    if (why := low_resolution(slide, geometry, diameter)) and not allow_low_resolution:
        raise LowResolution(
            f"The resolution is too low: {why}. Use the full-resolution image of the scanner.",
            hint=Hint(Remedy.LOW_RESOLUTION),
        )


def iter_load(encoder: Encoder, compute: Compute) -> Events[nn.Module]:
    """An encoder on the device that computes, loaded once for each `Compute`.

    Raises
    ------
    EncoderError
        Its weights cannot be had or do not fit.
    """
    weights, device = compute.weights.get(encoder.name), choose_device(compute.device)
    content = None if weights is None else content_of(weights_file(encoder, weights))
    key = encoder.name, content
    if not compute.loaded.has_encoder(key, device):
        yield Progress(0, 0, "load", encoder.name)
    return compute.loaded.encoder(key, device, lambda: stoppable(build_encoder(encoder, weights)))


class _Work:
    """Vectors of one encoder at one field of view, for all spots of a slide."""

    def __init__(
        self,
        slide: Slide,
        spots: AnnData,
        encoder: Encoder,
        geometry: PatchGeometry,
        views: tuple[int, ...],
        restaining: Restaining | None,
        bfloat16: bool,
    ) -> None:
        self._slide = slide
        self._centres = positions(spots)
        self._diameter = spot_diameter(spots)
        self._encoder = encoder
        self._geometry = geometry
        self._views = views
        self._restaining = restaining
        self._bfloat16 = bfloat16 and encoder.source != "built-in"
        self._hangs_since = math.inf  # when a batch of patches was first awaited

    def run(self, compute: Compute) -> Events[NDArray[np.float32]]:
        n, name = len(self._centres), self._encoder.name
        kept, cache = self._kept(compute), compute.cache
        found = None if kept is None else kept.read(n, cache)
        lacks = np.ones((n, len(self._views)), bool) if found is None else np.isnan(found[:, :, 0])
        missing, views = (np.flatnonzero(lacks.any(axis=axis)) for axis in (1, 0))
        if found is not None and not len(missing):
            return found
        if cache is not None:
            trim(cache)
        module = yield from iter_load(self._encoder, compute)
        yield Progress(n - len(missing), n, "embed", name)
        pace, done = Pace(), n - len(missing)
        with closing(self._vectors(module, missing, views, compute)) as batches:
            for batch in batches:
                if batch is not None:
                    rows, vectors = batch
                    if found is None:
                        found = roomy((n, *vectors.shape[1:]), cache)
                        found[:] = np.nan
                    found[np.ix_(rows, views)] = vectors
                    if kept is not None:
                        kept.write(found, rows, views)
                    done += len(rows)
                if pace.due() or done == n:
                    yield Progress(done, n, "embed", name, waiting=self._waited_for())
        assert found is not None
        return found

    def _vectors(
        self,
        module: nn.Module,
        missing: NDArray[np.intp],
        views: NDArray[np.intp],
        compute: Compute,
    ) -> Generator[Described | None, None, None]:
        """Vectors of batches of spots, computed side by side; None while they are awaited."""
        device = choose_device(compute.device)
        if self._restaining is not None:
            yield from self._restaining.iter_found()
        if (readers := compute.readers) is None:
            readers = 0 if computes_alone(device) else READERS
        size = compute.patch_batch_size
        batches = iter_patches(
            self._slide,
            self._centres[missing],
            self._geometry,
            batch_size=size,
            readers=readers,
            spot_diameter_px=self._diameter,
            restain=self._restaining,
        )
        some = tuple(self._views[view] for view in views)
        describe = Describing(self._encoder, module, device, some, size, bfloat16=self._bfloat16)
        with closing(batches), Workers(device, ahead=bool(readers)) as workers:
            jobs = self._jobs(batches, missing, describe)
            with closing(workers.iter_results(jobs)) as results:
                yield from results

    def _jobs(
        self, batches: _Batches, missing: NDArray[np.intp], describe: Describing
    ) -> Iterator[partial[Described] | None]:
        """A job for each batch; None while it is read."""
        for batch in batches:
            if batch is None:
                self._hangs_since = min(self._hangs_since, time.monotonic())
                yield None
            else:
                self._hangs_since = math.inf
                rows, patches = batch
                yield partial(describe, missing[rows], patches)

    def _waited_for(self) -> str:
        """The slide's file, if reading it hangs."""
        hangs = time.monotonic() - self._hangs_since > _PATIENCE
        return str(self._slide.path or self._slide.name) if hangs else ""

    def _kept(self, compute: Compute) -> KeptVectors | None:
        """What is on disk of each view, whatever other views it was computed with."""
        if compute.cache is None:
            return None
        folder, weights = compute.cache / "embeddings", compute.weights.get(self._encoder.name)
        return KeptVectors([folder / f"{self._key(weights, view)}.zarr" for view in self._views])

    def _key(self, weights: Path | None, view: int) -> str:
        """The same only for the same slide, spots, geometry, encoder, weights and view."""
        parts: dict[str, object] = {
            "algorithm": _ALGORITHM,
            "slide": self._slide.fingerprint,
            "mpp": self._slide.mpp,
            "centres": hashlib.sha256(self._centres.tobytes()).hexdigest(),
            "diameter": self._diameter if self._geometry.width_um is None else None,
            "geometry": asdict(self._geometry),
            "encoder": self._encoder.to_dict(),
            "views": (view,),
        }
        if self._restaining is not None:
            parts["stains"] = self._restaining.wanted
        if self._bfloat16:
            parts["precision"] = "bfloat16"
        if weights is not None:
            parts["weights"] = content_of(weights_file(self._encoder, weights))
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
