"""What decides draws, and so what tells one kept draw from another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from napari_stem.model.samplers import SAMPLERS
from napari_stem.options import options_of
from napari_stem.prediction.options import PredictOptions

OTHERS: dict[str, Any] = {"sampler": "ddim", "steps": 7, "seed": 3, "depth": 650.0}
DECIDING = [name for name in options_of(PredictOptions) if name != "n_draws"]


@pytest.mark.parametrize("name", DECIDING)
def test_every_option_but_the_number_of_draws_makes_other_draws(name: str):
    plain = PredictOptions()
    assert not plain.draw_alike(replace(plain, **{name: OTHERS[name]}))
    assert name in plain.of_a_draw("v")


def test_more_draws_are_alike_and_so_are_steps_that_the_sampler_takes_anyway():
    plain = PredictOptions(sampler="ddim")
    assert plain.draw_alike(replace(plain, n_draws=99))
    assert plain.draw_alike(replace(plain, steps=SAMPLERS["ddim"].steps))


def test_the_automatic_sampler_suits_what_the_network_predicts():
    for predicted, sampler, steps in (("v", "pc", 8), ("eps", "dpm++", 20)):
        drawn = PredictOptions().of_a_draw(predicted)
        assert (drawn["sampler"], drawn["steps"]) == (sampler, steps)
