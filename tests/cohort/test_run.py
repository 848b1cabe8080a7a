"""Many slides through the workers of this process, and what the folder then holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import napari_stem as stem
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

QUICK = {"workers": 0, "threads": 2, "n_draws": 2, "steps": 2, "device": "cpu"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def test_a_folder_of_slides_is_predicted_as_each_alone_and_only_once(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    out = tmp_path / "out"
    (tmp_path / "broken.tif").write_bytes(b"not a slide")
    sources = [saved[0].parent, tmp_path / "broken.tif"]
    done = stem.predict_cohort(sources, trained.path, out, cache=cache, **QUICK)
    table = done.set_index("name")
    assert list(table.state) == ["done", "done", "done", "failed"]
    assert "SlideUnreadable" in table.reason["broken"]
    assert table.pcc_50["section-2"] > 0  # these sections have counts
    assert set(pd.read_csv(out / "manifest.csv").state) == {"done", "failed"}
    assert len(pd.read_parquet(out / "manifest.parquet")) == 4

    here = read_spots(out / table.outputs["section-2"])
    alone = stem.predict(saved[2], None, trained.path, cache=False, n_draws=2, steps=2)
    np.testing.assert_allclose(here.X, alone.X, atol=2e-3)  # draws are kept as float16
    assert "leiden" in here.obs

    written = (out / table.outputs["section-2"]).stat().st_mtime_ns
    again = stem.predict_cohort(sources, trained.path, out, cache=cache, **QUICK)
    assert list(again.state) == list(done.state)
    assert (out / table.outputs["section-2"]).stat().st_mtime_ns == written


@pytest.mark.parametrize("goal", ["embedding", "evaluation"])
def test_embedding_and_evaluation_also_go_alone(
    goal: str, saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    sources = saved[2:]
    table = stem.predict_cohort(sources, trained.path, tmp_path, goal=goal, cache=cache, **QUICK)
    row = table.iloc[0]
    assert row.state == "done", row.reason
    if goal == "embedding":
        assert read_spots(tmp_path / row.outputs).obsm["embedding"].shape == (row.spots, 242)
    else:
        assert 0 <= row.coverage <= 1
        assert row.crps > 0
