"""A distilled network draws in one evaluation or a few what its teacher draws in many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import napari_stem as stem
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.checkpoints.recipe import Recipe, make_recipe
from napari_stem.cli import app
from napari_stem.errors import OptionError
from napari_stem.events import finish
from napari_stem.features.stains import USUAL
from napari_stem.model.diffusion import Schedule, denoiser
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.fit_config import FitConfig
from napari_stem.model.network import NetworkConfig, StemNetwork
from napari_stem.model.samplers import ddim, predictor_corrector
from napari_stem.model.steps import angle_steps
from napari_stem.sections.section import Section
from napari_stem.training.batch_loss import Batch
from napari_stem.training.distill import Teacher, student_recipe
from napari_stem.training.examples import Examples
from napari_stem.training.loop import iter_fit
from napari_stem.training.train import TrainResult

V = DiffusionConfig(prediction="v")
SPOTS, GENES = 96, 6


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Values that follow from the condition by a linear law with some noise."""
    random = torch.Generator().manual_seed(0)
    condition = torch.randn(SPOTS, 1, 4, generator=random)
    law = torch.randn(4, GENES, generator=random) / 2
    noise = 0.5 * torch.randn(SPOTS, GENES, generator=random)
    return Examples(condition[:, 0] @ law + noise, condition, torch.zeros(4))


@pytest.fixture(scope="module")
def teacher(examples: Examples) -> StemNetwork:
    """A network that has learned these values a little."""
    config = FitConfig(steps=150, batch_size=32, learning_rate=5e-3, ema=0.9, augmented=0.0)
    torch.manual_seed(0)
    network = StemNetwork(NetworkConfig(GENES, 4, width=16, depth=1, heads=2))
    return finish(iter_fit(network, Schedule(V), examples, config, device="cpu")).network


def draws(network: StemNetwork, condition: Tensor, n: int, solve: Callable[..., object]) -> Tensor:
    schedule = Schedule(V)
    noise = torch.randn(len(condition), GENES, generator=torch.Generator().manual_seed(5))
    states = solve(denoiser(network, condition, schedule), noise, angle_steps(schedule, n))
    *_, drawn = states  # type: ignore[misc]
    assert isinstance(drawn, Tensor)
    return drawn


@pytest.mark.parametrize("evaluations", [1, 2])
def test_a_student_draws_what_its_teacher_draws_with_many_evaluations(
    evaluations: int, teacher: StemNetwork, examples: Examples
):
    schedule = Schedule(replace(V, evaluations=evaluations))
    config = FitConfig(steps=150, batch_size=64, learning_rate=3e-3, decay="cosine", ema=0.9)
    student = StemNetwork(teacher.config)
    student.load_state_dict(teacher.state_dict())
    events = iter_fit(
        student, schedule, examples, config, teacher=Teacher(teacher, schedule), device="cpu"
    )
    learned, condition = finish(events).network, examples.condition[:, 0]
    wanted = draws(teacher, condition, 16, predictor_corrector)
    before, after = (
        float((draws(network, condition, evaluations, ddim) - wanted).square().mean())
        for network in (teacher, learned)
    )
    assert after < before / 10


@pytest.mark.parametrize("evaluations", [1, 2, 4])
def test_a_step_of_the_target_ends_where_the_flow_of_the_teacher_does(
    evaluations: int, teacher: StemNetwork, examples: Examples
):
    schedule = Schedule(replace(V, evaluations=evaluations))
    random = torch.Generator().manual_seed(1)
    t = torch.randint(schedule.steps, (SPOTS,), generator=random)
    noise = torch.randn(SPOTS, GENES, generator=random)
    batch = Batch(examples.x_start, examples.condition[:, 0], t, noise)
    taught = Teacher(teacher, schedule).on(torch.device("cpu"))(batch, lambda: None)
    steps = angle_steps(schedule, evaluations)
    assert set(taught.t.tolist()) == {step.t for step in steps}
    first = taught.some((taught.t == steps[0].t).nonzero()[:, 0])
    x = steps[0].alpha_bar ** 0.5 * first.x_start + (1 - steps[0].alpha_bar) ** 0.5 * first.noise
    (stepped,) = ddim(lambda x, t: first.x_start, x, steps[:1])
    fine = angle_steps(schedule, 64)[: 64 // evaluations]
    *_, flown = predictor_corrector(denoiser(teacher, first.condition, schedule), x, fine)
    # Eight evaluations of the teacher are not sixty-four.
    assert (stepped - flown).abs().mean() < 0.05 * flown.std()


def test_only_networks_that_predict_velocity_and_are_not_distilled_teach(recipe: Recipe):
    with pytest.raises(OptionError, match="predicts noise"):
        student_recipe(make_recipe("paper", recipe.panel), 2)
    with pytest.raises(OptionError, match="distilled already"):
        student_recipe(student_recipe(recipe, 2), 1)


def test_recipes_tell_of_distillation_and_are_unchanged_without(recipe: Recipe):
    recipe = replace(recipe, stains=None)
    student = student_recipe(recipe, 2, {"steps": 7})
    assert student.fit.steps == 7
    for each in (student, replace(student, stains=USUAL)):
        assert Recipe.from_json(each.to_json(), "here") == each
    assert '"schema":3' in student.to_json()  # which versions that could not draw with it refuse
    assert '"schema":2' in recipe.to_json()
    assert "evaluations" not in recipe.to_json()


def test_a_checkpoint_is_distilled_in_the_terminal(
    trained: TrainResult, saved: list[Path], sections: list[Section], embedded: Path,
    tmp_path: Path,
):  # fmt: skip
    given = ["--distill", trained.path, "--evaluations", 1, "--steps", 20, "--draws", 2]
    where = ["--run", tmp_path, "--cache", embedded]
    run = ["train", *saved[:2], *where, "--held-out", saved[2], *given]
    done = CliRunner().invoke(app, [str(part) for part in run])
    assert done.exit_code == 0, done.output
    student = load_checkpoint(tmp_path / "checkpoint.safetensors")
    assert student.recipe.diffusion.evaluations == 1
    assert student.recipe.panel == trained.checkpoint.recipe.panel
    assert student.about["traces"] == trained.checkpoint.about["traces"]
    assert student.about["scores"]["Stem"]
    place = sections[2].slide, sections[2].spots
    prediction = stem.predict(*place, student, n_draws=2, cache=embedded)
    assert prediction.uns["napari_stem"]["steps"] == 1
    with pytest.raises(OptionError, match="distilled to 1 evaluation "):
        stem.predict(*place, student, n_draws=2, sampler="pc", cache=False)


def test_a_student_is_not_tested_on_what_its_teacher_learned(
    trained: TrainResult, sections: list[Section], tmp_path: Path
):
    with pytest.raises(OptionError, match=r"learned the counts of 'section-0'.*never saw"):
        stem.distill(trained.checkpoint, sections[1], tmp_path, held_out=sections[0])
