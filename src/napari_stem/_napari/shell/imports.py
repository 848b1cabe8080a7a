"""Loads heavy libraries when a dock opens, so that the work that needs them starts at once.

Loading takes seconds, in which the window reacts slowly. Two threads that import libraries which
import each other can end with one of them half made; whoever imports in a thread therefore holds
`importing`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from ctypes import CDLL
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import RLock

from napari_stem.events import Events, Progress

_PREDICTING = ("napari_stem.checkpoints.checkpoint", "napari_stem.prediction.predict")
_CLUSTERING = ("napari_stem.analysis.cluster", "napari_stem.analysis.marker_genes")


importing = RLock()  # held by the one thread that imports


def load_for_predicting() -> Events[None]:
    """Load what predictions and inspected points need."""
    if not _are_loaded(_PREDICTING):
        load_triton_apart()
        yield from _load(_PREDICTING)


def load_for_clustering() -> Events[None]:
    """Load what clusters need, and let numba compile it by a first call."""
    if not _are_loaded(_CLUSTERING):
        yield from _load(_CLUSTERING)
        yield Progress(0, 0, "load", "numba")
        _compile_clustering()


def load_triton_apart() -> None:
    """Load triton with its own symbols, before torch imports it.

    Mesa's drivers (for AMD cards and for software rendering) load LLVM when a window is drawn.
    A triton that is loaded later would call that LLVM instead of its own, and crash.
    """
    if "triton" in sys.modules or not hasattr(os, "RTLD_DEEPBIND"):
        return
    with importing, suppress(ImportError, OSError):  # a library of another build is not needed
        found = find_spec("triton")
        if found is not None and found.origin:
            library = Path(found.origin).with_name("_C") / "libtriton.so"
            CDLL(str(library), mode=os.RTLD_DEEPBIND)  # importing it later finds it loaded
            import_module("triton")


def _are_loaded(modules: tuple[str, ...]) -> bool:
    return all(name in sys.modules for name in modules)


def _load(modules: tuple[str, ...]) -> Events[None]:
    for name in modules:
        yield Progress(0, 0, "load", name)
        with importing:
            import_module(name)


def _compile_clustering() -> None:
    import numpy as np
    from anndata import AnnData
    from napari.utils.colormaps import DirectLabelColormap

    from napari_stem.analysis.cluster import FEWEST, find_clusters

    find_clusters(AnnData(np.eye(2 * FEWEST, dtype=np.float32)))
    colours = DirectLabelColormap(color_dict={None: "transparent", 1: "white"})
    colours.map(np.arange(2, dtype=np.uint8))
