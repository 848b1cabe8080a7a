"""Many slides through the workers of this process, and what the folder then holds."""

from __future__ import annotations

import json
import os
import time
from itertools import dropwhile, islice
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import napari_stem as stem
from napari_stem.cli import app
from napari_stem.cohort.outcome import Outcome
from napari_stem.cohort.slide_task import SlideTask
from napari_stem.cohort.standing import Standing
from napari_stem.errors import CheckpointNotFound, CohortError
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

    os.utime(out / table.outputs["section-2"], (0, 0))  # a wrong clock makes nothing stale
    os.utime(out / "manifest.csv", (2**32, 2**32))
    again = stem.predict_cohort(sources, trained.path, out, cache=cache, **QUICK)
    assert list(again.state) == list(done.state)
    assert (out / table.outputs["section-2"]).stat().st_mtime == 0


@pytest.mark.parametrize(("threads", "overlaps"), [(1, False), (2, True)])
def test_the_next_slide_is_embedded_while_one_is_drawn_where_a_worker_has_two_threads(
    threads: int, overlaps: bool, saved: list[Path], trained: TrainResult, cache: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    moments: list[tuple[str, str, str]] = []
    outcome = SlideTask.outcome

    def recorded(task: SlideTask, *work: Any) -> Outcome:
        stage, name = task._stage, task._listed.name
        moments.append(("begin", stage, name))
        try:
            return outcome(task, *work)
        finally:
            moments.append(("end", stage, name))

    monkeypatch.setattr(SlideTask, "outcome", recorded)
    options = {**QUICK, "threads": threads, "n_draws": 20, "steps": 20}
    table = stem.predict_cohort(saved[1:], trained.path, tmp_path, cache=cache, **options)
    assert set(table.state) == {"done"}
    (_, _, first), *_ = moments
    (second,) = set(table.name) - {first}
    next_begins = moments.index(("begin", "embed", second))
    assert (next_begins < moments.index(("end", "draw", first))) == overlaps


def test_slides_wait_for_a_worker_whose_memory_is_full(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    pytest.importorskip("distributed")  # brings the configuration that is changed here
    with dask.config.set({"distributed.worker.memory.pause": 1e-6}):
        work = stem.iter_predict_cohort(saved, trained.path, tmp_path, cache=cache, **QUICK)
        standings = (event for event in work if isinstance(event, Standing) and event.workers)
        # A busy machine takes some seconds to notice; a new worker is paused for a moment, too.
        full = list(islice(dropwhile(lambda standing: not paused(standing), standings), 2, 6))
        work.close()
    assert all(map(paused, full))
    assert full[-1].counts["done"] == 0
    assert full[-1].counts["waiting"] >= 2


def test_bfloat16_is_for_both_tasks_of_a_slide(
    saved: list[Path], transformer: tuple[Path, dict[str, Path]], tmp_path: Path
):
    path, weights = transformer
    options = {"weights": weights, "precision": "bf16-mixed", "cache": tmp_path / "cache"}
    table = stem.predict_cohort(saved[2:], path, tmp_path / "out", **options, **QUICK)
    here = read_spots(tmp_path / "out" / table.outputs.iloc[0])
    alone = stem.predict(saved[2], None, path, **options, n_draws=2, steps=2)
    np.testing.assert_allclose(here.obs.ood, alone.obs.ood, rtol=1e-5)
    kept = list((tmp_path / "cache" / "embeddings").glob("*.zarr"))
    assert len(kept) == 1  # nothing was encoded in float32, too


def paused(standing: Standing) -> bool:
    return all(worker.paused for worker in standing.workers)


def test_a_checkpoint_that_is_not_there_is_told_before_anything_starts(
    saved: list[Path], tmp_path: Path
):
    with pytest.raises(CheckpointNotFound, match="no checkpoint at"):
        stem.predict_cohort(saved, tmp_path / "missing.safetensors", tmp_path / "out", **QUICK)
    assert not (tmp_path / "out").exists()


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
        assert 0 <= row.coverage_90 <= 1
        assert row.fair_crps > 0


def test_an_evaluation_shows_baselines_beside_the_model(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    arguments = (
        "cohort", saved[2], "--checkpoint", trained.path, "--out", tmp_path, "--evaluate",
        "--train", saved[0], "--workers", 0, "--draws", 2, "--sampler-steps", 2, "--device", "cpu",
        "--cache", cache,
    )  # fmt: skip
    told = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert told.exit_code == 0, told.output
    assert "ridge" in told.output
    row = pd.read_csv(tmp_path / "manifest.csv").iloc[0]
    written = json.loads((tmp_path / row.outputs).read_text())
    assert written["methods"]["Stem"]["mae"] == pytest.approx(row.mae, rel=1e-4)
    assert written["methods"]["k-NN"]["mae"] > 0
    alone = stem.evaluate(
        trained.path, saved[2], saved[0], cache=cache, n_draws=2, steps=2, device="cpu"
    )
    assert written["sections"]["section-2"]["ridge"] == pytest.approx(dict(alone.scores["ridge"]))


def test_a_cohort_that_was_stopped_goes_on_to_what_an_undisturbed_one_gives(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    options = {**QUICK, "n_draws": 20, "steps": 20}
    slides, kept = saved[1:], tmp_path / "cache"
    work = stem.iter_predict_cohort(slides, trained.path, tmp_path / "out", cache=kept, **options)
    for event in work:
        if isinstance(event, Standing) and any(task.stage == "draw" for task in event.running):
            break
    start = time.monotonic()
    work.close()
    assert time.monotonic() - start < 10
    assert set(pd.read_csv(tmp_path / "out" / "manifest.csv").state) <= {"waiting", "done"}

    done = stem.predict_cohort(slides, trained.path, tmp_path / "out", cache=kept, **options)
    whole = stem.predict_cohort(slides, trained.path, tmp_path / "whole", cache=cache, **options)
    assert set(done.state) == set(whole.state) == {"done"}
    for output in done.outputs:
        found, expected = (read_spots(tmp_path / name / output).X for name in ("out", "whole"))
        np.testing.assert_array_equal(found, expected)


def test_a_second_process_leaves_a_cohort_that_is_worked_on_alone(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    work = stem.iter_predict_cohort(saved[2], trained.path, tmp_path, cache=cache, **QUICK)
    next(work)
    with pytest.raises(CohortError, match="Another process works on this cohort"):
        stem.predict_cohort(saved[2], trained.path, tmp_path, cache=cache, **QUICK)
    work.close()


def test_a_scheduler_that_does_not_answer_is_told(
    saved: list[Path], trained: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("napari_stem.cohort.workers.PATIENCE", 0.5)
    with pytest.raises(CohortError, match=r"No scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        stem.predict_cohort(saved[2], trained.path, tmp_path, scheduler="tcp://127.0.0.1:9")


def test_the_command_says_how_each_slide_ends_and_fails_where_one_failed(
    saved: list[Path], trained: TrainResult, cache: Path, tmp_path: Path
):
    (tmp_path / "broken.tif").write_bytes(b"not a slide")
    arguments = (
        "cohort", saved[2], tmp_path / "broken.tif", "--checkpoint", trained.path, "--out",
        tmp_path / "out", "--workers", 0, "--draws", 2, "--sampler-steps", 2, "--device", "cpu",
        "--cache", cache, "--report", tmp_path / "summary.html", "--gene", "EPCAM",
        "--format", "csv", "--format", ".h5ad",
    )  # fmt: skip
    told = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert told.exit_code == 1
    assert "section-2: 2" in told.output  # its number of spots
    assert "broken: failed. SlideUnreadable" in told.output
    assert "1 of 2 slides done" in told.output
    assert (tmp_path / "out" / "section-2-prediction.csv").exists()
    page = (tmp_path / "summary.html").read_text()
    assert "EPCAM on one scale" in page
    assert 'href="out/section-2-prediction.h5ad"' in page
    assert "failed: SlideUnreadable" in page
