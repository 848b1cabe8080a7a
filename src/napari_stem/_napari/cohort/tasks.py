"""Reads a cohort in a thread, as generators for `worker.start`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import importing
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_stem.cohort.choice import Choice
    from napari_stem.cohort.manifest import Row
    from napari_stem.cohort.overview import Listing, Look


def list_slides(folder: Path) -> Events[Listing]:
    """The slides of a folder that a cohort was written to."""
    yield Progress(0, 0, "read", folder.name)
    with importing:
        from napari_stem.cohort.overview import read_listing

    return read_listing(folder)


def list_changes(listing: Listing) -> Events[Listing | None]:
    """The same cohort as it is now; None if nothing has changed."""
    yield Progress(0, 0, "read", listing.folder.name)
    with importing:
        from napari_stem.cohort.overview import read_changes

    return read_changes(listing)


def look_at(listing: Listing, choice: Choice, known: Look | None) -> Events[Look]:
    """One value of all spots of all slides."""
    with importing:
        from napari_stem.cohort.overview import iter_look

    return (yield from iter_look(listing.folder, listing.rows, choice, known))


def make_cards(folder: Path, rows: Sequence[Row], look: Look) -> Events[None]:
    """Thumbnails of some slides, each as an event."""
    with importing:
        from napari_stem.cohort.overview import iter_cards

    yield from iter_cards(folder, rows, look)


def write_report(folder: Path, path: Path, gene: str) -> Events[Path]:
    """Write the summary of a cohort as a page."""
    yield Progress(0, 0, "write", path.name)
    with importing:
        from napari_stem.cohort.summary import write_summary

    write_summary(folder, path, gene)
    return path
