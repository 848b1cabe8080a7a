"""Training on generated sections learns their law, resumes, and refuses what it cannot use."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from typer.testing import CliRunner

from napari_stem.api.evaluation import evaluate
from napari_stem.api.predicting import iter_predict, predict
from napari_stem.api.training import iter_train, train
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.cli import app
from napari_stem.errors import CountsError, OptionError, PanelError, SpotsError, TrainingError
from napari_stem.evaluation.baselines import BASELINES
from napari_stem.evaluation.comparison import pooled
from napari_stem.evaluation.live import variation
from napari_stem.events import Event, Loss, Metrics, Partial, Progress, Variation, finish
from napari_stem.sections.section import Section
from napari_stem.sections.synthetic import generate_section
from napari_stem.sections.synthetic_tissue import REGIONS
from napari_stem.spots.table import spot_table
from napari_stem.training.event_lines import from_line
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run import choose_panel, open_source
from napari_stem.training.run_folder import CHECKPOINT, create_run, read_run
from napari_stem.training.run_history import read_history
from napari_stem.training.train import TrainResult, hold_out_spots

PATIENCE = 600  # s that a child process may take on a busy machine
QUICK: dict[str, Any] = {"n_draws": 4, "cache": False}


@pytest.fixture
def quick(embedded: Path) -> dict[str, Any]:
    return {**QUICK, "cache": embedded}


def test_a_trained_checkpoint_knows_its_held_out_metrics(trained: TrainResult):
    evaluation = trained.evaluation
    assert evaluation is not None
    assert evaluation.prediction.layers["truth"].shape == evaluation.prediction.shape
    assert trained.checkpoint.about["gene_pcc"] == pytest.approx(dict(evaluation.gene_pcc))
    loaded = load_checkpoint(trained.path)
    assert loaded.about["scores"]["Stem"]["mae"] == pytest.approx(evaluation.scores["Stem"]["mae"])
    section = generate_section("another", seed=7, size_px=600)
    genes = predict(section.slide, section.spots, loaded, n_draws=2, cache=False).var
    expected = evaluation.comparison.held_out()
    pd.testing.assert_frame_equal(genes[list(expected)], expected, check_names=False)


def test_evaluating_again_gives_the_same_metrics(sections: list[Section], trained: TrainResult):
    again = evaluate(load_checkpoint(trained.path), sections[2], sections[:2], **QUICK)
    assert trained.evaluation is not None
    assert again.scores == trained.evaluation.scores


def test_metrics_do_not_depend_on_draws_that_a_cache_holds(
    sections: list[Section], trained: TrainResult, tmp_path: Path
):
    section, cached = sections[2], {**QUICK, "cache": tmp_path}
    more = {**cached, "n_draws": 10}
    events = iter_predict(section.slide, section.spots, trained.checkpoint, **more)
    next(event for event in events if isinstance(event, Partial))
    events.close()
    assert trained.evaluation is not None
    again = evaluate(trained.checkpoint, section, sections[:2], **cached)
    assert again.scores == trained.evaluation.scores


def test_the_state_of_a_run_with_other_genes_or_spots_is_refused(
    sections: list[Section], recipe: Recipe, tmp_path: Path, quick: dict[str, Any]
):
    train(sections[:1], recipe, tmp_path, **quick)
    others = replace(recipe, panel=recipe.panel[::-1])
    for known, changed in ((sections[:1], others), (sections[1:2], recipe)):
        with pytest.raises(TrainingError, match="other settings, genes or sections"):
            train(known, changed, tmp_path, **quick)


def test_a_run_reports_its_stages_and_both_losses(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    events: list[Event] = []
    finish(
        iter_train(sections[:1], recipe, tmp_path, held_out=sections[1], **QUICK),
        events.append,
    )
    stages = [event.stage for event in events if isinstance(event, Progress)]
    assert list(dict.fromkeys(stages)) == [
        "load",
        "embed",
        "factors",
        "factors of spots",
        "train",
        "sample",
        "summarise",
        "score",
    ]
    losses = [event for event in events if isinstance(event, Loss)]
    assert losses[-1].step == recipe.fit.steps
    assert losses[-1].validation is not None
    quick, *_, final = (event for event in events if isinstance(event, Metrics))
    assert quick.step < recipe.fit.steps
    assert list(quick.methods) == ["Stem", "ridge", "k-NN"]
    assert list(final.methods) == ["Stem", *BASELINES]
    assert final.draws == QUICK["n_draws"]
    variation = [event for event in events if isinstance(event, Variation)][-1]
    assert variation.genes == recipe.panel


def test_a_checkpoint_is_saved_before_it_is_evaluated(
    sections: list[Section], recipe: Recipe, tmp_path: Path, quick: dict[str, Any]
):
    events = iter_train(sections[:1], recipe, tmp_path, held_out=sections[1], **quick)
    next(event for event in events if isinstance(event, Progress) and event.stage == "score")
    events.close()
    saved = load_checkpoint(tmp_path / CHECKPOINT)
    assert saved.about["step"] == recipe.fit.steps
    assert "scores" not in saved.about


def test_the_last_metrics_and_variation_are_those_of_the_evaluation(trained: TrainResult):
    evaluation = trained.evaluation
    assert evaluation is not None
    truth, mean = evaluation.prediction.layers["truth"], evaluation.prediction.X
    told = variation(3, ("A",), truth[:, :1], mean[:, :1])
    assert told.true_variance == pytest.approx(truth[:, :1].var(axis=0))
    assert told.mean == pytest.approx(mean[:, :1].mean(axis=0))


def test_metrics_of_several_held_out_sections_are_weighted_by_spots(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    halves = [hold_out_spots(section, 0.3) for section in sections[:2]]
    result = train(
        [half[0] for half in halves], recipe, tmp_path, held_out=[half[1] for half in halves],
        **QUICK,
    )  # fmt: skip
    first, second = result.evaluations
    n, m = (evaluation.prediction.n_obs for evaluation in result.evaluations)
    every = pooled([evaluation.comparison for evaluation in result.evaluations])
    mae = (n * first.scores["Stem"]["mae"] + m * second.scores["Stem"]["mae"]) / (n + m)
    assert every.scores["Stem"]["mae"] == pytest.approx(mae)
    assert result.checkpoint.about["scores"]["Stem"]["mae"] == pytest.approx(mae)
    assert set(every.gene_pcc) == set(recipe.panel)


def test_a_run_killed_midway_and_resumed_equals_an_unbroken_one(
    saved: list[Path], embedded: Path, tmp_path: Path
):
    def command(run: str) -> list[str]:
        return [
            "train", str(saved[1]), "--run", str(tmp_path / run), "--genes", "8", "--steps", "150",
            "--batch-size", "16", "--device", "cpu", "--cache", str(embedded),
            "--events", "jsonl",
        ]  # fmt: skip

    child = subprocess.Popen(
        [sys.executable, "-m", "napari_stem", *command("killed")], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    for line in child.stdout:
        event = json.loads(line)
        if event["event"] == "Loss" and event["step"] > 1:
            break
    os.kill(child.pid, signal.SIGINT)
    child.wait(timeout=PATIENCE)
    child.stdout.close()
    assert (tmp_path / "killed" / "state.pt").exists()
    assert not (tmp_path / "killed" / "checkpoint.safetensors").exists()
    for run in ("killed", "whole"):
        CliRunner().invoke(app, command(run), catch_exceptions=False)
    checkpoints = [load_checkpoint(tmp_path / run / "checkpoint.safetensors")
                   for run in ("killed", "whole")]  # fmt: skip
    assert checkpoints[0].fingerprint == checkpoints[1].fingerprint
    assert "no tissue was held out" in (tmp_path / "killed" / "report.html").read_text("utf-8")


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
    result = train([Section("section", section.slide, spots)], recipe, tmp_path, **QUICK)
    assert result.checkpoint.about["spots"] == section.spots.n_obs - 3
    evaluation = evaluate(
        result.checkpoint, Section("section", section.slide, spots), [section], **QUICK
    )
    assert list(evaluation.prediction.obs_names) == list(spots.obs_names[3:])


def test_unusable_sections_are_refused_before_anything_is_written(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    section = sections[0]
    run = tmp_path / "run"

    def refused(spots, error, message):
        with pytest.raises(error, match=message):
            train([Section("C9", section.slide, spots)], recipe, run, **QUICK)
        assert not run.exists()

    with pytest.raises(OptionError, match="No section is left"):
        train([], recipe, run, held_out=section, **QUICK)
    refused(section.spots[:, ["EPCAM"]].copy(), PanelError, "missing in C9: .*7 of 8")
    refused(
        spot_table(section.spots.obsm["spatial"], diameter_px=110), SpotsError, "have no counts"
    )
    for bad in (-1, np.nan):
        spots = section.spots.copy()
        spots.X = spots.X.toarray()
        spots.X[2, 1] = bad
        refused(spots, CountsError, f"gene {spots.var_names[1]} in spot spot_2")
    refused(section.spots[:1].copy(), CountsError, "a single spot with counts")
    empty = section.spots.copy()
    empty.X = 0 * empty.X
    refused(empty, CountsError, "No spot of C9 has counts")


def test_held_out_patches_are_embedded_once_and_encoders_built_once(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    heard: list[Event] = []
    options = {"n_draws": 2, "steps": 2, "cache": tmp_path / "cache", "on_event": heard.append}
    train(sections[:1], recipe, tmp_path / "run", held_out=sections[2], **options)
    stages = [event.stage for event in heard if isinstance(event, Progress)]
    assert "embed" in stages
    assert "embed" not in stages[stages.index("train") :]
    assert stages.count("load") == 1


def test_one_gene_and_two_spots_are_learned(sections: list[Section], tmp_path: Path):
    few = []
    for section in sections[:2]:
        richest = np.argsort(section.spots[:, "EPCAM"].X.toarray().ravel())[-2:]
        few.append(replace(section, spots=section.spots[richest].copy()))
    one = make_recipe("small", ["EPCAM"], fit={"steps": 3, "batch_size": 4})
    result = train(few[:1], one, tmp_path, held_out=few[1], **QUICK)
    assert result.evaluation is not None
    for scores in result.evaluation.scores.values():
        assert np.isfinite(list(scores.values())).all()


def test_a_run_is_finished_by_a_line(sections: list[Section], saved: list[Path], tmp_path: Path):
    """With spots held out of two sections, and a panel that an annotated column chooses."""
    sources = []
    for section, folder in zip(sections[1:], saved[1:], strict=True):
        spots = section.spots.copy()
        kinds = spots.obsm["composition"].argmax(axis=1)
        spots.obs["region"] = np.array(REGIONS)[kinds]
        table = tmp_path / f"{section.name}.h5ad"
        spots.write_h5ad(table)
        sources.append(SectionSource(str(table), str(folder / "slide.tif")))
    run = tmp_path / "run"
    panel = PanelChoice("deg", 3, by="region")
    plan = TrainPlan(
        tuple(sources), held_out_share=0.3, panel=panel, draws=2, device="cpu", keep="best",
        fit={"steps": 10**9, "minutes": 600.0, "batch_size": 16},
    )  # fmt: skip
    create_run(run, plan)
    child = start(run, tmp_path)
    wait_for_loss(child)
    assert read_run(run).standing == "running"
    child.stdin.write("finish\n")
    child.stdin.flush()
    child.communicate(timeout=PATIENCE)
    assert child.returncode == 0
    found = read_run(run)
    assert found.standing == "finished"
    assert list(found.methods) == ["Stem", *BASELINES]
    loaded = load_checkpoint(found.checkpoint)
    losses = [event for event in read_history(run) if isinstance(event, Loss)]
    validated = [loss for loss in losses if loss.validation is not None]
    assert loaded.about["step"] == min(validated, key=lambda loss: loss.validation).step
    assert set(loaded.recipe.panel) == set(choose_panel(panel, training_tables(plan)))


def start(run: Path, tmp_path: Path) -> subprocess.Popen[str]:
    command = ["train", "--run", str(run), "--cache", str(tmp_path / "cache")]
    return subprocess.Popen(
        [sys.executable, "-m", "napari_stem", *command, "--events", "jsonl", "--listen"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_loss(child: subprocess.Popen[str]) -> None:
    """Until a validated loss was reported."""
    assert child.stdout is not None
    for line in child.stdout:
        event = from_line(line)
        if isinstance(event, Loss) and event.validation is not None:
            return


def training_tables(plan: TrainPlan) -> list[AnnData]:
    tables = []
    for source in plan.sections:
        section = open_source(source)
        with section.slide:
            tables.append(hold_out_spots(section, plan.held_out_share)[0].spots)
    return tables
