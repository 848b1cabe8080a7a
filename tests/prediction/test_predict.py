"""A prediction keeps its contract, and a spot its draws, whatever is predicted beside it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from typer.testing import CliRunner

from napari_stem.api.predicting import iter_predict, predict
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.cli import app
from napari_stem.errors import MissingScale, OptionError, SpotsOutsideSlide
from napari_stem.events import Event, Partial, Progress, finish
from napari_stem.exports.registry import write_prediction
from napari_stem.io import read_spots
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.trust import StemWarning
from napari_stem.sections.section import Section
from napari_stem.slides.slide import Slide
from napari_stem.training.train import TrainResult

QUICK: dict[str, Any] = {"n_draws": 4, "cache": False}


def test_a_prediction_keeps_its_contract(sections: list[Section], trained: TrainResult, tmp_path):
    section = sections[2]
    prediction = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    assert prediction.shape == (section.spots.n_obs, 8)
    assert prediction.X.dtype == np.float32
    assert list(prediction.obs_names) == list(section.spots.obs_names)
    assert set(prediction.layers) == {"std", "q05", "q95", "truth"}
    assert (prediction.layers["q05"] <= prediction.layers["q95"]).all()
    assert prediction.obs["ood"].notna().all()
    about = prediction.uns["napari_stem"]
    assert Recipe.from_json(about["recipe"], "prediction") == trained.checkpoint.recipe
    assert about["seen"] == ""
    assert (about["sampler"], about["steps"], about["seed"]) == ("pc", 8, 0)
    path = tmp_path / "prediction.h5ad"
    write_prediction(prediction, path)
    again = read_spots(path)
    np.testing.assert_array_equal(again.X, prediction.X)
    np.testing.assert_array_equal(again.obsm["spatial"], section.spots.obsm["spatial"])


def test_values_that_memory_cannot_hold_make_the_same_prediction(
    sections: list[Section], trained: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    section = sections[2]
    expected = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    monkeypatch.setattr("napari_stem.roomy.IN_MEMORY", 100)
    monkeypatch.setattr("napari_stem.roomy._COPIED", 100)
    found = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    write_prediction(found, tmp_path / "found.h5ad")
    again = read_spots(tmp_path / "found.h5ad")
    for layer in (None, *expected.layers):
        np.testing.assert_array_equal(again.to_df(layer), expected.to_df(layer))
    for column in ("mean", "variance", "morans_i"):
        np.testing.assert_allclose(again.var[column], expected.var[column], rtol=1e-6)


def test_scanpy_draws_a_prediction_as_it_stands(sections: list[Section], trained: TrainResult):
    import matplotlib

    matplotlib.use("Agg")
    section = sections[2]
    prediction = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    with warnings.catch_warnings():  # scanpy and matplotlib announce changes of their own
        warnings.simplefilter("ignore")
        axes = sc.pl.spatial(prediction, color="EPCAM", show=False)
    drawn = axes[0].collections[0].get_array()  # scanpy draws high values last
    np.testing.assert_array_equal(np.sort(drawn), np.sort(prediction[:, "EPCAM"].X[:, 0]))


def test_a_spot_has_the_same_draws_alone_in_any_order_and_in_any_batch(
    sections: list[Section], trained: TrainResult
):
    slide, spots = sections[2].slide, sections[2].spots
    everything = predict(slide, spots, trained.checkpoint, **QUICK)
    some = spots[[5, 0, 3]].copy()
    batched = {**QUICK, "batch_size": 2}
    few = predict(slide, some, trained.checkpoint, **batched)
    # float32 sums differ with the shape of a batch; draws are kept as float16.
    np.testing.assert_allclose(few.X, everything[[5, 0, 3]].X, atol=2e-3)
    other_seed = predict(slide, some, trained.checkpoint, seed=1, **QUICK)
    assert np.abs(other_seed.X - few.X).max() > 0.05


def test_previews_sharpen_into_the_prediction(sections: list[Section], trained: TrainResult):
    events: list[Event] = []
    section = sections[2]
    options = {**QUICK, "n_draws": 6}
    prediction = finish(
        iter_predict(section.slide, section.spots, trained.checkpoint, **options), events.append
    )
    previews = [event for event in events if isinstance(event, Partial)]
    assert previews[-1].draws == 6
    np.testing.assert_allclose(previews[-1].mean, prediction.X, atol=1e-3)
    np.testing.assert_array_equal(previews[0].ood, prediction.obs["ood"])
    stages = {event.stage for event in events if isinstance(event, Progress)}
    assert stages == {"load", "embed", "sample", "summarise"}


def test_a_stopped_prediction_goes_on_and_more_draws_are_added(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    section = sections[2]
    options = {**QUICK, "cache": tmp_path}
    events = iter_predict(section.slide, section.spots, trained.checkpoint, **options)
    for event in events:
        if isinstance(event, Partial):
            break
    events.close()
    seen: list[Event] = []
    resumed = finish(
        iter_predict(section.slide, section.spots, trained.checkpoint, **options), seen.append
    )
    assert not any(isinstance(e, Progress) and e.stage == "embed" for e in seen)
    unbroken = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    np.testing.assert_array_equal(resumed.X, unbroken.X)
    more = predict(section.slide, section.spots, trained.checkpoint, **{**options, "n_draws": 8})
    fresh = predict(section.slide, section.spots, trained.checkpoint, n_draws=8, cache=False)
    np.testing.assert_array_equal(more.X, fresh.X)


@pytest.mark.thorough
def test_a_prediction_killed_midway_goes_on_where_it_was(
    trained: TrainResult, saved: list[Path], tmp_path: Path
):
    def command(cache: str, file: str) -> list[str]:
        return [
            "predict", str(saved[2]), str(trained.path), "--draws", "40", "--sampler", "ancestral",
            "--sampler-steps", "60", "--device", "cpu", "--cache", str(tmp_path / cache), "-o",
            str(tmp_path / file), "--events", "jsonl",
        ]  # fmt: skip

    child = subprocess.Popen(
        [sys.executable, "-m", "napari_stem", *command("cache", "p.h5ad")],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "Partial" and event["draws"] >= 2:
            break
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not (tmp_path / "p.h5ad").exists()
    done = CliRunner().invoke(app, command("cache", "p.h5ad"), catch_exceptions=False)
    stages = [json.loads(line).get("stage") for line in done.stdout.splitlines()]
    assert "sample" in stages
    assert "embed" not in stages
    CliRunner().invoke(app, command("other", "q.h5ad"), catch_exceptions=False)
    a, b = read_spots(tmp_path / "p.h5ad"), read_spots(tmp_path / "q.h5ad")
    np.testing.assert_array_equal(a.X, b.X)


def test_a_slide_without_scale_is_refused_with_advice(
    sections: list[Section], trained: TrainResult
):
    section = sections[2]
    pixels = section.slide.read_region(0, 0, section.slide.width, section.slide.height)
    with pytest.raises(MissingScale, match=r"states no micrometres per pixel.*0\.25"):
        predict(Slide.from_array(pixels), section.spots, trained.checkpoint, **QUICK)


def test_spots_outside_and_impossible_options_are_refused(
    sections: list[Section], trained: TrainResult
):
    spots = sections[2].spots.copy()
    spots.obsm["spatial"] = spots.obsm["spatial"] * 10
    with pytest.raises(SpotsOutsideSlide, match="full-resolution image"):
        predict(sections[2].slide, spots, trained.checkpoint, **QUICK)
    with pytest.raises(OptionError, match="n_draws is 0"):
        PredictOptions(n_draws=0)
    with pytest.raises(OptionError, match="seed is -1"):
        PredictOptions(seed=-1)


def test_embeddings_of_the_training_spots_are_not_out_of_domain(
    sections: list[Section], trained: TrainResult
):
    section = sections[0]
    known = predict(section.slide, section.spots, trained.checkpoint, **QUICK)
    assert known.obs["ood"].max() < 1e-2
    noise = np.random.default_rng(0).integers(0, 255, (1200, 1200, 3), dtype=np.uint8)
    foreign = predict(Slide.from_array(noise, mpp=0.5), section.spots, trained.checkpoint, **QUICK)
    assert foreign.obs["ood"].min() > 1


def test_draws_at_another_scale_are_not_those_of_the_first(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    slide, spots = sections[2].slide, sections[2].spots
    cached = {**QUICK, "cache": tmp_path}
    predict(slide.with_mpp(0.8), spots, trained.checkpoint, **cached)
    mended = predict(slide.with_mpp(0.5), spots, trained.checkpoint, **cached)
    fresh = predict(slide.with_mpp(0.5), spots, trained.checkpoint, **QUICK)
    np.testing.assert_array_equal(mended.X, fresh.X)


def test_spots_with_normalised_values_are_predicted_without_measurements(
    sections: list[Section], trained: TrainResult
):
    spots = sections[2].spots[:6].copy()
    spots.X = np.log1p(spots.X.toarray())
    prediction = predict(sections[2].slide, spots, trained.checkpoint, **QUICK)
    assert "truth" not in prediction.layers


def test_annotations_of_the_spots_stay_and_clusters_of_others_do_not(
    sections: list[Section], trained: TrainResult
):
    spots = sections[2].spots[:6].copy()
    spots.obs = pd.DataFrame(
        {"region": list("aabbbb"), "leiden": list("111222"), "x": range(6)}, index=spots.obs_names
    )
    prediction = predict(sections[2].slide, spots, trained.checkpoint, **QUICK)
    assert list(prediction.obs) == ["region", "ood"]
    assert list(prediction.obs["region"]) == list("aabbbb")


def test_time_is_not_spent_on_a_prediction_that_is_known(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    section = sections[2]
    options = {**QUICK, "cache": tmp_path}
    predict(section.slide, section.spots, trained.checkpoint, **options)
    stores = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()}
    time.sleep(0.01)
    predict(section.slide, section.spots, trained.checkpoint, **options)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == stores


def test_foreign_tissue_is_told_in_python_and_in_exports(sections, trained, tmp_path: Path):
    pixels = 255 - np.asarray(sections[2].slide.levels[0])
    with pytest.warns(StemWarning, match="differ from the training tissue"):
        prediction = predict(
            Slide.from_array(pixels, mpp=0.5), sections[2].spots, trained.checkpoint,
            n_draws=2, cache=False, trust_positions=True,
        )  # fmt: skip
    for suffix in ("csv", "geojson", "html", "ome.tif"):
        write_prediction(prediction, tmp_path / f"p.{suffix}")
        content = (tmp_path / f"p.{suffix}").read_bytes()
        assert b"differ from the training tissue" in content, suffix
