"""An option says its default, range and words once; values out of range are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_stem.errors import OptionError
from napari_stem.features.compute import Compute
from napari_stem.model.fit_config import UNLIMITED, FitConfig, chosen_fit
from napari_stem.options import check_options, option, options_of, overrides, same_option
from napari_stem.prediction.options import PredictOptions
from napari_stem.training.plan import PanelChoice, TrainPlan


@dataclass(frozen=True)
class Baking:
    loaves: int = option(2, "Loaves", "How many.", minimum=1, maximum=10_000)
    heat: float = option(0.5, "Heat", "Of the oven.", unit="kW", minimum=0.05)
    flour: str = option("rye", "Flour", "Sort.", choices=lambda: {"rye": "dark rye"})
    salt: float | None = option(None, "Salt", "By taste.", kind=float, unset="by taste")
    fan: bool = option(False, "Fan", "Whether it blows.")
    name: str = ""

    def __post_init__(self) -> None:
        check_options(self)


@pytest.mark.parametrize(
    "fine",
    [
        {"loaves": 10_000}, {"loaves": np.int64(3)}, {"heat": 1}, {"heat": np.float32(0.5)},
        {"salt": None}, {"salt": -4.0}, {"fan": True},
    ],
)  # fmt: skip
def test_values_within_their_range_are_taken(fine):
    assert options_of(replace(Baking(), **fine)) == options_of(Baking)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"loaves": 0}, "loaves is 0; it must be a whole number between 1 and 10,000."),
        ({"loaves": 2.5}, "loaves is 2.5; it must be a whole number between 1 and 10,000."),
        ({"loaves": True}, "loaves is True; it must be a whole number between 1 and 10,000."),
        ({"loaves": None}, "loaves is None; it must be a whole number between 1 and 10,000."),
        ({"heat": 0.01}, "heat is 0.01; it must be a number of at least 0.05."),
        ({"heat": float("nan")}, "heat is nan; it must be a number of at least 0.05."),
        ({"heat": float("inf")}, "heat is inf; it must be a number of at least 0.05."),
        ({"heat": "hot"}, "heat is 'hot'; it must be a number of at least 0.05."),
        ({"flour": "oat"}, "flour 'oat' is unknown; choose rye."),
        ({"flour": ["rye"]}, "flour '['rye']' is unknown; choose rye."),
        ({"fan": 1}, "fan is 1; it must be true or false."),
    ],
)
def test_a_refusal_names_field_value_and_range(wrong, message):
    with pytest.raises(OptionError) as refused:
        Baking(**wrong)
    assert str(refused.value) == message


def test_values_are_told_in_people_s_words():
    told = {name: about.in_words(about.default) for name, about in options_of(Baking).items()}
    assert told == {
        "loaves": "2", "heat": "0.5 kW", "flour": "dark rye", "salt": "by taste", "fan": "False",
    }  # fmt: skip
    assert options_of(Baking)["loaves"].in_words(10_000) == "10,000"


def test_an_override_may_be_unset_and_keeps_the_range():
    override = overrides(options_of(Baking, ["loaves"]), "the baker's")["loaves"]
    assert override.in_words(override.default) == "the baker's"
    assert not override.problem("loaves", None)
    assert override.problem("loaves", 0)


def test_an_option_can_be_another_dataclass_s():
    @dataclass
    class Shop:
        ovens: int = same_option(Baking, "loaves")

    assert Shop().ovens == Baking().loaves
    assert options_of(Shop)["ovens"] == options_of(Baking)["loaves"]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (PredictOptions, {"sampler": "euler"}),
        (PredictOptions, {"seed": 2**32}),
        (Compute, {"batch_size": 0}),
        (FitConfig, {"steps": 0}),
        (FitConfig, {"decay": "cosin"}),
        (FitConfig, {"precision": "16"}),
        (FitConfig, {"learning_rate": 0}),
        (FitConfig, {"ema": 1}),
        (FitConfig, {"minutes": 0}),
        (PanelChoice, {"select": "best"}),
        (PanelChoice, {"n": 0}),
        (TrainPlan, {"sections": (), "preset": "huge"}),
        (TrainPlan, {"sections": (), "fit": {"steps": 0}}),
        (TrainPlan, {"sections": (), "fit": {"stepz": 5}}),
        (TrainPlan, {"sections": (), "held_out_share": 1.0}),
        (TrainPlan, {"sections": (), "panel": PanelChoice("list")}),
    ],
)
def test_what_cannot_be_computed_is_refused_before_anything_is(kind, wrong):
    with pytest.raises(OptionError):
        kind(**wrong)


def test_a_time_alone_lifts_the_limit_of_steps():
    unset = dict.fromkeys(options_of(FitConfig))
    assert chosen_fit(unset) == {}
    assert chosen_fit({**unset, "minutes": 5.0}) == {"steps": UNLIMITED, "minutes": 5.0}
    assert chosen_fit({**unset, "minutes": 5.0, "steps": 9}) == {"steps": 9, "minutes": 5.0}
    assert FitConfig(**chosen_fit({**unset, "minutes": 5.0})).steps == UNLIMITED
