"""The demo does the main job, and beats its baselines where the law is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_stem.demo import SHOWN, iter_demo
from napari_stem.events import finish


@pytest.mark.slow
def test_the_demo_predicts_a_generated_slide_better_than_its_baselines(tmp_path: Path):
    result = finish(iter_demo(tmp_path, training=2, steps=200))
    scores = result.evaluation.scores
    # The generated law is not linear, and has genes that are on or off: a distribution wins.
    for metric in ("mae", "mse", "fair_crps"):
        assert scores["Stem"][metric] < scores["ridge"][metric]
        assert scores["Stem"][metric] < scores["k-NN"][metric]
    assert 0.8 < scores["Stem"]["coverage_90"] < 0.97
    assert all(path.stat().st_size > 0 for path in result.files)
    assert {path.suffix for path in result.files} == {
        ".safetensors", ".h5ad", ".geojson", ".html", ".png",
    }  # fmt: skip
    assert result.evaluation.prediction.obs["leiden"].nunique() > 1
    assert result.starter.shape == (result.tissue.spots.n_obs, 300)
    assert set(SHOWN) <= set(result.evaluation.prediction.var_names)
