"""The command in this process."""

from __future__ import annotations

from typer.testing import CliRunner

from napari_stem.cli import app


def run(*arguments: object) -> str:
    """What the command says on its way to a good end."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output
