"""What every prediction of the window is made with: settings, cache, weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.shell.choices import chosen_weights
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from napari_stem.checkpoints.recipe import Recipe
    from napari_stem.model.samplers import SamplerName
    from napari_stem.prediction.predict import PredictOptions


def predict_options(
    recipe: Recipe,
    *,
    n_draws: int,
    sampler: SamplerName,
    steps: int,
    seed: int,
    device: str,
    batch_size: int,
) -> PredictOptions:
    """The core's options; its encoders read the files of weights that were chosen for them."""
    from napari_stem.prediction.predict import PredictOptions
    from napari_stem.prediction.sampling import SamplerConfig

    return PredictOptions(
        n_draws=n_draws,
        seed=seed,
        sampler=SamplerConfig(sampler, steps),
        batch_size=batch_size,
        device=device,
        cache=cache_dir(),
        weights=chosen_weights(encoder.name for encoder in recipe.encoders),
    )
