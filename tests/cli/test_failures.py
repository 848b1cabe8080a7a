"""Errors that a user can mend are one line."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from napari_stem.cli import app, main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "none.svs"], "SlideNotFound: There is no slide at 'none.svs'."),
        (["predict", "none.svs", "none.safetensors"], "CheckpointNotFound:"),
        (
            ["predict", "a.svs", "b.safetensors", "--statistic", "maximum"],
            "OptionError: statistic 'maximum' is unknown; choose mean,",
        ),
        (["info", "her2st:Z9"], "OptionError: There is no sample section 'her2st:Z9'."),
    ],
)
def test_an_error_is_one_line_and_exit_code_one(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["napari-stem", *arguments])
    assert the_line_of_a_failure(capsys).startswith(message)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "MemoryError: This machine has too little memory for this."),
        (RuntimeError("can't allocate memory"), "RuntimeError: This machine has too little memory"),
        (RuntimeError("can't start new thread"), "RuntimeError: The system allows no further"),
    ],
)
def test_too_little_memory_and_too_few_threads_are_one_line(error, told, monkeypatch, capsys):
    def fail() -> None:
        raise error

    monkeypatch.setattr("napari_stem.cli.app", fail)
    assert the_line_of_a_failure(capsys).startswith(told)


def the_line_of_a_failure(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says as it ends with exit code 1: one line."""
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


@pytest.mark.parametrize("pitch", ["inf", "nan", "1e300"])
@pytest.mark.parametrize("command", [("predict", "a.svs", "b"), ("cohort", "a.svs")])
def test_a_pitch_that_no_grid_has_is_told(command: tuple[str, ...], pitch: str):
    where = ("--checkpoint", "b", "--out", "c") if command[0] == "cohort" else ()
    told = CliRunner().invoke(app, [*command, *where, "--pitch", pitch])
    assert told.exit_code != 0
    assert not isinstance(told.exception, ValueError | OverflowError)
    assert "--pitch" in told.output
