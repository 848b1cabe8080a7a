"""How the terminal tells an error: on one line, on standard error."""

from __future__ import annotations

from rich.console import Console

from napari_stem.cli.hints import WORDS
from napari_stem.errors import StemError


def tell(error: Exception, what: str = "") -> None:
    """Print one line about an error; `what` replaces its own words."""
    hint = error.hint if isinstance(error, StemError) else None
    advice = f" {hint.said(WORDS)}" if hint else ""
    line = f"{type(error).__name__}: {what or error}{advice}"
    Console(stderr=True, soft_wrap=True).print(line, style="red", highlight=False, markup=False)


def shortage_of(error: BaseException) -> str:
    """What an error that tells of too little memory or too few threads means; "" for others."""
    if isinstance(error, MemoryError) or "allocate memory" in str(error):
        return (
            "This machine has too little memory for this. Close other programs, or use a smaller "
            "--batch-size and --patch-batch-size."
        )
    if "can't start new thread" in str(error):
        return (
            "The system allows no further threads. Close other programs, or raise the limit "
            "(ulimit -u), then try again."
        )
    return ""
