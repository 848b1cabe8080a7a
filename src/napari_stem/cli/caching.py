"""The command `cache`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from napari_stem.cli.options import Cache
from napari_stem.cli.output import console, say
from napari_stem.text import counted

if TYPE_CHECKING:
    from rich.table import Table

    from napari_stem.cache import Entry

_GB = 1e9


def cache(
    cache: Cache = None,
    limit: Annotated[
        float | None,
        typer.Option(help="Keep the cache within this size in GB from now on."),
    ] = None,
    clear: Annotated[
        bool,
        typer.Option("--clear", help="Remove embeddings, draws and overviews; downloads stay."),
    ] = False,
) -> None:
    """Show what the cache holds, limit its size, or clear it."""
    from napari_stem import cache as caches
    from napari_stem.storage import cache_dir

    folder, freed = cache or cache_dir(), 0
    if limit is not None:
        caches.set_limit_gb(folder, limit)
        freed += caches.trim(folder)
    if clear:
        freed += caches.clear(folder)
    found = caches.entries(folder)
    console.print(_table(found))
    total = sum(entry.size for entry in found) / _GB
    removed = f"Removed {freed / _GB:.2f} GB. " if freed else ""
    say(
        f"{removed}{counted(len(found), 'result')}, {total:.2f} of {caches.limit_gb(folder):g} "
        f"GB. Folder: '{folder}'."
    )


def _table(found: list[Entry]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from napari_stem.cache import KINDS

    table = Table("content", "entries", "GB", box=SIMPLE_HEAD, pad_edge=False)
    for kind, content in KINDS.items():
        sizes = [entry.size for entry in found if entry.kind == kind]
        table.add_row(content, f"{len(sizes):,}", f"{sum(sizes) / _GB:.2f}")
    return table
