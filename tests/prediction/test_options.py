"""What decides draws, and so what tells one kept draw from another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from napari_stem.errors import OptionError
from napari_stem.model.diffusion_config import DiffusionConfig, Prediction
from napari_stem.model.samplers import SAMPLERS
from napari_stem.options import options_of
from napari_stem.prediction.options import PredictOptions

OTHERS: dict[str, Any] = {
    "sampler": "ddim", "steps": 7, "seed": 3, "depth": 650.0, "precision": "bf16-mixed",
}  # fmt: skip
DECIDING = [name for name in options_of(PredictOptions) if name != "n_draws"]


@pytest.mark.parametrize("name", DECIDING)
def test_every_option_but_the_number_of_draws_makes_other_draws(name: str):
    plain = PredictOptions()
    assert not plain.draw_alike(replace(plain, **{name: OTHERS[name]}))
    assert name in plain.of_a_draw(DiffusionConfig(prediction="v"))


def test_more_draws_are_alike_and_so_are_steps_that_the_sampler_takes_anyway():
    plain = PredictOptions(sampler="ddim")
    assert plain.draw_alike(replace(plain, n_draws=99))
    assert plain.draw_alike(replace(plain, steps=SAMPLERS["ddim"].steps))


def test_the_automatic_sampler_suits_what_the_network_predicts():
    known: list[tuple[Prediction, str, int]] = [("v", "pc", 8), ("eps", "dpm++", 20)]
    for predicted, sampler, steps in known:
        drawn = PredictOptions().of_a_draw(DiffusionConfig(prediction=predicted))
        assert (drawn["sampler"], drawn["steps"]) == (sampler, steps)


def test_a_distilled_network_draws_only_as_it_was_distilled():
    distilled = DiffusionConfig(prediction="v", evaluations=2)
    recorded = PredictOptions().of_a_draw(distilled)
    assert (recorded["sampler"], recorded["steps"]) == ("ddim", 2)
    assert PredictOptions(sampler="ddim", steps=2).of_a_draw(distilled) == recorded
    for other in ({"sampler": "pc"}, {"steps": 8}, {"sampler": "ddim", "steps": 1}):
        with pytest.raises(OptionError, match="distilled to 2 evaluations"):
            PredictOptions(**other).sampler_for(distilled)  # type: ignore[arg-type]
