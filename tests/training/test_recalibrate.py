"""Intervals hold after recalibration, and draws stay what they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_stem.api.predicting import inspect, predict
from napari_stem.api.training import iter_train, train
from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.errors import OptionError
from napari_stem.evaluation.quick_draws import iter_quick_draws
from napari_stem.events import Event, Progress, finish
from napari_stem.features.compute import Compute
from napari_stem.features.condition import Condition
from napari_stem.model.network import StemNetwork
from napari_stem.model.readout import as_they_are
from napari_stem.prediction.options import PredictOptions
from napari_stem.sections.paired_data import PairedData
from napari_stem.sections.section import Section
from napari_stem.training.plan import SectionSource, TrainPlan
from napari_stem.training.recalibrate import at_temperature, iter_recalibrate
from napari_stem.training.train import TrainResult

N, GENES = 100, 12
DRAWS = PredictOptions(n_draws=20)


@pytest.fixture(scope="module")
def gaussian() -> Checkpoint:
    """Draws are independent standard normal numbers: its network predicts no velocity."""
    recipe = make_recipe("small", [f"G{number}" for number in range(GENES)])
    sized = replace(recipe.network, n_genes=GENES, condition_width=4, width=8, heads=2)
    recipe = replace(recipe, network=sized, factors=None, components=4)
    embeddings = np.random.default_rng(0).normal(size=(N, 6)).astype(np.float32)
    condition = Condition.fit(embeddings, components=4)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = StemNetwork(sized)
    return Checkpoint(recipe, network, condition, as_they_are(GENES))


def spots_of(checkpoint: Checkpoint, values: np.ndarray) -> PairedData:
    random = np.random.default_rng(1)
    return PairedData(
        checkpoint.recipe.panel,
        random.normal(size=(N, 1, 6)).astype(np.float32),
        values.astype(np.float32),
        random.uniform(0, 1000, (N, 2)),
        np.zeros(N, np.intp),
    )


def recalibrated(
    checkpoint: Checkpoint, spots: PairedData, heard: list[Event], n_draws: int = 20
) -> float:
    options = PredictOptions(n_draws=n_draws)
    found = finish(iter_recalibrate(checkpoint, spots, options, Compute()), heard.append)
    return found.recipe.diffusion.temperature


@pytest.mark.parametrize(("spread", "n_draws"), [(0.7, 20), (1.0, 4), (1.5, 20)])
def test_the_temperature_is_the_spread_of_the_truth(
    gaussian: Checkpoint, spread: float, n_draws: int
):
    truth = spread * np.random.default_rng(2).standard_normal((N, GENES))
    heard: list[Event] = []
    found = recalibrated(gaussian, spots_of(gaussian, truth), heard, n_draws)
    assert found == pytest.approx(spread, rel=0.1)
    stages = [event for event in heard if isinstance(event, Progress)]
    assert {event.stage for event in stages} == {"recalibrate"}
    assert [event.done for event in stages] == sorted(event.done for event in stages)
    assert stages[-1].done == stages[-1].total


@pytest.mark.parametrize(("spread", "end"), [(0.1, 0.5), (9.0, 2.0)])
def test_the_temperature_stays_within_bounds(gaussian: Checkpoint, spread: float, end: float):
    truth = spread * np.random.default_rng(3).standard_normal((N, GENES))
    found = recalibrated(gaussian, spots_of(gaussian, truth), [])
    assert found == pytest.approx(end, abs=0.03)


def test_draws_spread_by_the_temperature_around_the_same_mean(gaussian: Checkpoint):
    spots = spots_of(gaussian, np.zeros((N, GENES)))
    usual, hot = (
        finish(iter_quick_draws(at_temperature(gaussian, t), spots, DRAWS, Compute()))
        for t in (1.0, 1.5)
    )
    np.testing.assert_allclose(hot, 1.5 * usual, atol=0.01)  # kept as float16


def test_counts_stay_whole_and_a_click_agrees_with_the_slide(
    trained: TrainResult, sections: list[Section]
):
    section, hot = sections[2], at_temperature(trained.checkpoint, 1.6)
    options = {"n_draws": 6, "cache": False}
    wide, usual = (
        predict(section.slide, section.spots, checkpoint, **options)
        for checkpoint in (hot, trained.checkpoint)
    )
    assert wide.layers["std"].mean() > 1.2 * usual.layers["std"].mean()
    point = inspect(section.slide, section.spots.obsm["spatial"][0], hot, n_draws=6)
    np.testing.assert_allclose(point.draws.mean(axis=0), wide.X[0], atol=1e-3)
    counts = 2.0**point.draws - 1
    assert counts.min() >= 0
    assert (abs(counts - counts.round()) < 0.01 * (1 + counts)).all()  # kept as float16


def test_training_recalibrates_and_the_checkpoint_says_so(
    sections: list[Section], recipe: Recipe, embedded: Path, tmp_path: Path
):
    options = {"n_draws": 20, "cache": embedded, "held_out": sections[1:]}
    as_drawn = train(sections[0], recipe, tmp_path / "as_drawn", **options)
    found = train(sections[0], recipe, tmp_path / "recalibrated", recalibrate=True, **options)
    temperature = load_checkpoint(found.path).recipe.diffusion.temperature
    assert temperature == found.checkpoint.recipe.diffusion.temperature != 1
    report = (tmp_path / "recalibrated" / "report.html").read_text()
    assert f"recalibrated: draws spread {temperature:.2f} times as far" in report
    assert "recalibrated" not in (tmp_path / "as_drawn" / "report.html").read_text()

    def missed(result: TrainResult) -> float:
        return abs(0.9 - np.mean([e.scores["Stem"]["coverage_90"] for e in result.evaluations]))

    assert missed(found) <= missed(as_drawn) + 0.01


def test_without_spots_to_learn_from_it_is_refused_before_training(
    sections: list[Section], recipe: Recipe, tmp_path: Path
):
    run = tmp_path / "run"
    for held_out, message in (
        ((), "0 held-out spots; at least 20"),
        (
            Section("few", sections[1].slide, sections[1].spots[:5].copy()),
            "5 held-out spots; at least 20",
        ),
    ):
        with pytest.raises(OptionError, match=message):
            next(iter_train(sections[0], recipe, run, held_out=held_out, recalibrate=True))
        assert not run.exists()
    with pytest.raises(OptionError, match="none are held out"):
        TrainPlan((SectionSource("C2"),), recalibrate=True)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_an_impossible_temperature_is_refused(gaussian: Checkpoint, temperature: float):
    with pytest.raises(OptionError, match="it must be positive"):
        at_temperature(gaussian, temperature)
