"""Loads heavy libraries when a dock opens, so that the work that needs them starts at once.

Loading them takes seconds in which the window reacts slowly. It also creates a million objects;
each garbage collection during the load would search them for half a second.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from napari_stem.events import Events, Progress

_PREDICTING = ("napari_stem.checkpoints.checkpoint", "napari_stem.prediction.predict")
_CLUSTERING = ("napari_stem.analysis.cluster", "napari_stem.analysis.marker_genes")


def load_for_predicting() -> Events[None]:
    """Load what predictions and inspected points need."""
    if not _are_loaded(_PREDICTING):
        with _collecting_afterwards():
            load_triton_apart()
            yield from _load(_PREDICTING)
            yield Progress(0, 0, "load", "dask")
            load_dask()


def load_for_clustering() -> Events[None]:
    """Load what clusters need, and let numba compile it by a first call."""
    if not _are_loaded(_CLUSTERING):
        with _collecting_afterwards():
            yield from _load(_CLUSTERING)
            yield Progress(0, 0, "load", "numba")
            _compile_clustering()


def load_dask() -> None:
    """Load dask, with which napari reads the tiles of a slide.

    Its first computation imports `distributed` if that is installed, which would freeze the
    window for seconds.
    """
    import dask.array as da

    da.zeros(1, dtype="u1").compute()


def load_triton_apart() -> None:
    """Load triton with its own symbols, before torch imports it.

    Mesa's drivers (for AMD cards and for software rendering) load LLVM when a window is drawn.
    A triton that is loaded later would call that LLVM instead of its own, and crash.
    """
    if "triton" in sys.modules or not hasattr(os, "RTLD_DEEPBIND"):
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        with suppress(ImportError):
            import_module("triton")
    finally:
        sys.setdlopenflags(flags)


def _are_loaded(modules: tuple[str, ...]) -> bool:
    return all(name in sys.modules for name in modules)


def _load(modules: tuple[str, ...]) -> Events[None]:
    for name in modules:
        yield Progress(0, 0, "load", name)
        import_module(name)


@contextmanager
def _collecting_afterwards() -> Iterator[None]:
    """Collect garbage once at the end instead of many times during the load."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
            gc.collect()


def _compile_clustering() -> None:
    import numpy as np
    from anndata import AnnData
    from napari.utils.colormaps import DirectLabelColormap

    from napari_stem.analysis.cluster import FEWEST, find_clusters

    find_clusters(AnnData(np.eye(2 * FEWEST, dtype=np.float32)))
    colours = DirectLabelColormap(color_dict={None: "transparent", 1: "white"})
    colours.map(np.arange(2, dtype=np.uint8))
