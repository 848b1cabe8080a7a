"""Commands have a flag for each option, with the option's words, range and default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command
from typer.testing import CliRunner

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.cli import app
from napari_stem.cli.flags import Flags, with_flags
from napari_stem.features.compute import Compute
from napari_stem.model.fit_config import FIT_OPTIONS
from napari_stem.options import check_options, option, options_of, overrides
from napari_stem.prediction.options import PredictOptions
from napari_stem.training.plan import PanelChoice, TrainPlan


@dataclass(frozen=True)
class Baking:
    """Options of each kind."""

    loaves: int = option(2, "Loaves", "How many.", minimum=1, maximum=9, flag="how-many")
    heat: float = option(0.5, "Heat", "Of the oven.", unit="kW", minimum=0.05)
    flour: str = option("rye", "Flour", "Sort.", choices={"rye": "dark rye", "oat": "oat"})
    salt: float | None = option(None, "Salt", "Grains.", kind=float, unset="by taste")
    fan: bool = option(False, "Fan", "Whether it blows.", advanced=True)

    def __post_init__(self) -> None:
        check_options(self)


_CHANGES = overrides(options_of(Baking, ["heat"]), "the oven's")


@with_flags
def bake(
    name: str,
    *,
    baking: Baking,
    changes: Annotated[dict[str, Any], Flags({"cold": _CHANGES["heat"]})],
    where: Annotated[str, typer.Option(help="Place.")] = "here",
) -> None:
    """Bake."""
    typer.echo(repr((name, baking, changes, where)))


def run(*arguments: str) -> str:
    kitchen = typer.Typer()
    kitchen.command()(bake)
    result = CliRunner().invoke(kitchen, arguments, env={"COLUMNS": "200"}, catch_exceptions=False)
    return result.output


def test_a_command_is_given_the_dataclass_of_its_flags():
    assert run("x").strip() == repr(("x", Baking(), {"cold": None}, "here"))
    flags = ("--how-many", "3", "--heat", "1", "--flour", "oat", "--salt", "2", "--fan")
    told = run("x", *flags, "--cold", "0.1", "--where", "there")
    assert told.strip() == repr(("x", Baking(3, 1.0, "oat", 2.0, True), {"cold": 0.1}, "there"))


def test_a_new_line_in_a_dataclass_is_a_flag_with_help_range_and_default():
    lines = {line.split()[1]: line for line in run("--help").splitlines() if "--" in line}
    for words in ("How many.", "1<=x<=9", "[default: 2]"):
        assert words in lines["--how-many"]
    for words in ("Of the oven. In kW.", "x>=0.05", "[default: 0.5]"):
        assert words in lines["--heat"]
    for words in ("<rye|oat>", "Sort. rye: dark rye.", "[default: rye]"):
        assert words in lines["--flour"]
    assert "[default: (by taste)]" in lines["--salt"]
    assert "--no-fan" in lines["--fan"]


@pytest.mark.parametrize("wrong", [("--how-many", "10"), ("--heat", "0"), ("--flour", "wheat")])
def test_a_value_out_of_range_is_refused(wrong):
    assert "Invalid value" in run("x", *wrong)


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("predict", (PredictOptions, LeidenOptions, Compute)),
        ("evaluate", (PredictOptions, Compute)),
        ("train", (PanelChoice, TrainPlan)),
    ],
)
def test_commands_have_a_flag_for_every_option(command, kinds):
    expected = {
        (about.flag or name).replace("_", "-"): about.default
        for kind in kinds
        for name, about in options_of(kind).items()
    }
    if command == "train":
        expected |= {name.replace("_", "-"): None for name in FIT_OPTIONS}
    parameters = get_command(app).commands[command].params
    flags = {parameter.opts[0].lstrip("-"): parameter.default for parameter in parameters}
    assert expected.items() <= flags.items()
