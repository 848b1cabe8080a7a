"""Which genes are expressed where on an H&E slide (the method: Stem, ICLR 2025).

>>> import napari_stem as stem
>>> slide = stem.open_slide("slide.svs")
>>> checkpoint = stem.load_checkpoint("breast.safetensors")
>>> prediction = stem.predict(slide, stem.make_grid(slide), checkpoint)
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_stem.api.predicting import embed, predict
    from napari_stem.api.training import evaluate, train
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.io import read_spots
    from napari_stem.slides.slide import open_slide
    from napari_stem.spots.grid import make_grid

__version__ = version("napari-stem")

_HOMES = {
    "embed": "api.predicting",
    "evaluate": "api.training",
    "load_checkpoint": "checkpoints.checkpoint",
    "make_grid": "spots.grid",
    "open_slide": "slides.slide",
    "predict": "api.predicting",
    "read_spots": "io",
    "train": "api.training",
}

__all__ = [
    "embed",
    "evaluate",
    "load_checkpoint",
    "make_grid",
    "open_slide",
    "predict",
    "read_spots",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public function when it is first asked for: torch and scanpy take seconds."""
    if name in _HOMES:
        return getattr(import_module(f"napari_stem.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'napari_stem' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
