"""The presets: what of a model does not depend on its panel and encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from napari_stem.defaults import Preset
from napari_stem.model.diffusion_config import Prediction
from napari_stem.model.fit_config import FitConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Choices of a preset; those of its recipes, which hold the same names.

    Attributes
    ----------
    normalised
        Whether patches get the usual stains.
    network
        Sizes that differ from the paper's, by their names in `NetworkConfig`.
    """

    factors: int | None = 10
    components: int | None = 128
    embedding_noise: float = 0.7
    prediction: Prediction = "v"
    normalised: bool = True
    network: Mapping[str, Any] = field(default_factory=dict)
    fit: FitConfig


MODELS: Mapping[Preset, Model] = {
    "small": Model(
        network={"width": 64, "depth": 2, "heads": 4, "dropout": 0.2},
        fit=FitConfig(
            steps=400, batch_size=128, learning_rate=5e-4, warmup=50, ema=0.99, augmented=0.0
        ),
    ),
    "large": Model(
        network={"dropout": 0.2},
        fit=FitConfig(steps=2_000, learning_rate=1e-4, warmup=200, ema=0.999, augmented=0.0),
    ),
    "paper": Model(
        factors=None,
        components=None,
        embedding_noise=0.0,
        prediction="eps",
        normalised=False,
        fit=FitConfig(),
    ),
}
