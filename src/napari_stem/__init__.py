"""Predict gene expression per spot from H&E slides (the method: Stem, ICLR 2025).

>>> import napari_stem as stem
>>> prediction = stem.predict("slide.svs", None, "breast.safetensors")
>>> stem.find_clusters(prediction)
>>> stem.write_prediction(prediction, "slide.h5ad")
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_stem.api.choices import deg, encoders, hmhvg, hvg
    from napari_stem.api.cohorts import iter_predict_cohort, predict_cohort
    from napari_stem.api.evaluation import (
        cross_validate,
        estimate,
        evaluate,
        iter_cross_validate,
        iter_estimate,
        iter_evaluate,
    )
    from napari_stem.api.places import make_grid, read_section, read_spots
    from napari_stem.api.predicting import (
        draws_of,
        embed,
        inspect,
        iter_embed,
        iter_inspect,
        iter_predict,
        predict,
    )
    from napari_stem.api.results import find_clusters, rank_genes, read_prediction
    from napari_stem.api.training import distill, iter_distill, iter_train, train
    from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
    from napari_stem.checkpoints.recipe import Recipe, make_recipe
    from napari_stem.errors import StemError
    from napari_stem.exports.registry import write_prediction
    from napari_stem.sections.section import Section
    from napari_stem.slides.slide import Slide, open_slide

__version__ = version("napari-stem")

_HOMES = {
    "api.choices": ("deg", "encoders", "hmhvg", "hvg"),
    "api.cohorts": ("iter_predict_cohort", "predict_cohort"),
    "api.evaluation": (
        "cross_validate", "estimate", "evaluate", "iter_cross_validate", "iter_estimate",
        "iter_evaluate",
    ),
    "api.places": ("make_grid", "read_section", "read_spots"),
    "api.predicting": (
        "draws_of", "embed", "inspect", "iter_embed", "iter_inspect", "iter_predict", "predict",
    ),
    "api.results": ("find_clusters", "rank_genes", "read_prediction"),
    "api.training": ("distill", "iter_distill", "iter_train", "train"),
    "checkpoints.checkpoint": ("Checkpoint", "load_checkpoint", "save_checkpoint"),
    "checkpoints.recipe": ("Recipe", "make_recipe"),
    "errors": ("StemError",),
    "exports.registry": ("write_prediction",),
    "sections.section": ("Section",),
    "slides.slide": ("Slide", "open_slide"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Checkpoint",
    "Recipe",
    "Section",
    "Slide",
    "StemError",
    "cross_validate",
    "deg",
    "distill",
    "draws_of",
    "embed",
    "encoders",
    "estimate",
    "evaluate",
    "find_clusters",
    "hmhvg",
    "hvg",
    "inspect",
    "iter_cross_validate",
    "iter_distill",
    "iter_embed",
    "iter_estimate",
    "iter_evaluate",
    "iter_inspect",
    "iter_predict",
    "iter_predict_cohort",
    "iter_train",
    "load_checkpoint",
    "make_grid",
    "make_recipe",
    "open_slide",
    "predict",
    "predict_cohort",
    "rank_genes",
    "read_prediction",
    "read_section",
    "read_spots",
    "save_checkpoint",
    "train",
    "write_prediction",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: torch and scanpy take seconds."""
    if name in _HOME_OF:
        return getattr(import_module(f"napari_stem.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'napari_stem' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
