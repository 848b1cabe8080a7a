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
    from napari_stem.checkpoint import load_checkpoint
    from napari_stem.embedding import embed
    from napari_stem.evaluation import evaluate
    from napari_stem.grid import make_grid
    from napari_stem.io import read_spots
    from napari_stem.prediction import predict
    from napari_stem.slide import open_slide
    from napari_stem.training import train

__version__ = version("napari-stem")

_HOMES = {
    "embed": "embedding",
    "evaluate": "evaluation",
    "load_checkpoint": "checkpoint",
    "make_grid": "grid",
    "open_slide": "slide",
    "predict": "prediction",
    "read_spots": "io",
    "train": "training",
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
