"""Training on generated sections learns their law, resumes, and refuses what it cannot use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_stem.checkpoint import load_checkpoint
from napari_stem.errors import CountsError, OptionError, PanelError, SpotsError
from napari_stem.evaluation import evaluate
from napari_stem.events import Event, Loss, Progress, finish
from napari_stem.prediction import PredictOptions
from napari_stem.recipe import Recipe, make_recipe
from napari_stem.section import Section
from napari_stem.spots import spot_table
from napari_stem.training import TrainResult, hold_out_spots, iter_train, train

OPTIONS = PredictOptions(n_draws=4, device="cpu")


def test_a_trained_checkpoint_knows_its_held_out_figures(trained: TrainResult):
    evaluation = trained.evaluation
    assert evaluation is not None
    assert evaluation.prediction.layers["truth"].shape == evaluation.prediction.shape
    assert trained.checkpoint.about["gene_pcc"] == dict(evaluation.gene_pcc)
    loaded = load_checkpoint(trained.path)
    assert loaded.about["scores"]["Stem"]["mae"] == evaluation.scores["Stem"].mae


def test_evaluating_again_gives_the_same_figures(sections: list[Section], trained: TrainResult):
    again = evaluate(load_checkpoint(trained.path), sections[2], sections[:2], OPTIONS)
    assert trained.evaluation is not None
    assert again.scores == trained.evaluation.scores


def test_a_run_reports_its_stages_and_both_losses(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    events: list[Event] = []
    finish(
        iter_train(sections[:1], recipe, tmp_path, held_out=sections[1], options=OPTIONS),
        events.append,
    )
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert list(dict.fromkeys(stages)) == ["embed", "train", "sample"]
    losses = [event for event in events if isinstance(event, Loss)]
    assert losses[-1].step == recipe.fit.steps
    assert losses[-1].validation is not None


def test_a_run_killed_midway_and_resumed_equals_an_unbroken_one(tmp_path: Path):
    def command(run: str) -> list[str]:
        return [
            sys.executable, "-m", "napari_stem", "train", "generated:1", "--run",
            str(tmp_path / run), "--genes", "8", "--steps", "150", "--batch-size", "16",
            "--device", "cpu", "--cache", str(tmp_path / "cache"), "--events", "jsonl",
        ]  # fmt: skip

    child = subprocess.Popen(command("killed"), stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "Loss" and event["step"] > 1:
            break
    os.kill(child.pid, signal.SIGINT)
    child.wait(timeout=60)
    child.stdout.close()
    assert (tmp_path / "killed" / "state.pt").exists()
    assert not (tmp_path / "killed" / "checkpoint.safetensors").exists()
    for run in ("killed", "whole"):
        subprocess.run(command(run), capture_output=True, check=True, timeout=120)
    checkpoints = [load_checkpoint(tmp_path / run / "checkpoint.safetensors")
                   for run in ("killed", "whole")]  # fmt: skip
    assert checkpoints[0].fingerprint == checkpoints[1].fingerprint


def test_spots_are_held_out_as_a_strip(sections: list[Section]):
    training, held_out = hold_out_spots(sections[0], 0.25)
    n = sections[0].spots.n_obs
    assert training.spots.n_obs + held_out.spots.n_obs == n
    assert held_out.spots.n_obs == pytest.approx(n / 4, abs=4)
    assert training.spots.obsm["spatial"][:, 0].max() < held_out.spots.obsm["spatial"][:, 0].min()
    with pytest.raises(OptionError, match=r"share of 1\.5"):
        hold_out_spots(sections[0], 1.5)


def test_spots_without_any_count_of_the_panel_are_left_out(sections: list[Section], tmp_path: Path):
    section = sections[0]
    spots = section.spots.copy()
    spots.X = spots.X.toarray()
    spots.X[:3] = 0
    recipe = make_recipe("small", ["EPCAM", "ACTB"], fit={"steps": 1})
    result = train([Section("section", section.slide, spots)], recipe, tmp_path, options=OPTIONS)
    assert result.checkpoint.about["spots"] == section.spots.n_obs - 3


def test_unusable_sections_are_refused_before_anything_is_written(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    section = sections[0]
    run = tmp_path / "run"

    def refused(spots, error, message):
        with pytest.raises(error, match=message):
            train([Section("C9", section.slide, spots)], recipe, run, options=OPTIONS)
        assert not run.exists()

    refused(section.spots[:, ["EPCAM"]].copy(), PanelError, "C9: 7 of the panel's 8 genes")
    refused(
        spot_table(section.spots.obsm["spatial"], diameter_px=110), SpotsError, "hold no counts"
    )
    for bad in (-1, np.nan):
        spots = section.spots.copy()
        spots.X = spots.X.toarray()
        spots.X[2, 1] = bad
        refused(spots, CountsError, f"spot spot_2, gene {spots.var_names[1]}")


@pytest.mark.slow
@pytest.mark.data
def test_real_sections_are_learned(data_dir: Path, tmp_path: Path):
    """A shortened version of the documented command, on fewer genes and steps.

    Correlation on the held-out section must be far from chance, which is 0 within 0.02.
    """
    command = [
        sys.executable, "-m", "napari_stem", "train", "her2st:C3", "her2st:C4", "--held-out",
        "her2st:C2", "--genes", "50", "--steps", "200", "--data", str(data_dir), "--run",
        str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--device", "cpu",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=500)
    scores = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").about["scores"]
    assert scores["Stem"]["pcc_all"] > 0.3
    assert scores["Stem"]["mae"] < 1.1 * scores["50-NN"]["mae"]
