"""All slides of a cohort at a glance: one gene, or another value of the spots, on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.cohort.choice import Choice, prediction_of
from napari_stem.cohort.manifest import FILE, Row, rows_of_cohort
from napari_stem.cohort.prediction_parts import PredictionFile, opened_prediction
from napari_stem.cohort.thumbnails import Thumbnail, thumbnail_of
from napari_stem.errors import PanelError, SpotsError
from napari_stem.events import Event, Events, Pace, Progress
from napari_stem.prediction.statistics import STATISTICS, colour_limits
from napari_stem.text import one_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLE = 2000  # values of a slide, of which the limits are made
_NOTHING = 0, 0  # the stamp of no file
_KEPT = 400  # thumbnails in memory, 110 kB each


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The slides of a cohort.

    Attributes
    ----------
    genes
        Of the first prediction that can be read; none where none can.
    stamp
        The same as long as the manifest is the same.
    """

    folder: Path
    rows: tuple[Row, ...]
    genes: tuple[str, ...]
    stamp: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What is known of the values of a slide.

    Attributes
    ----------
    row
        The slide's, when its file was read.
    mean
        Of its spots; None where they have no such value.
    sample
        Some of the values.
    problem
        Why there are none, as display text.
    """

    row: Row
    mean: float | None = None
    sample: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    problem: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One choice over all slides.

    Attributes
    ----------
    limits
        Values at the ends of the colours, the same for all slides; None where none has values.
    unit
        Of the values; "" where it is not known, or they have none.
    seen
        By the identities of the slides that have a prediction.
    """

    choice: Choice
    limits: tuple[float, float] | None = None
    unit: str = ""
    seen: Mapping[tuple[str, str], Seen] = field(default_factory=dict)

    @property
    def means(self) -> dict[tuple[str, str], float]:
        """Mean of each slide that has values, by its identity."""
        return {key: one.mean for key, one in self.seen.items() if one.mean is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Card(Event):
    """A slide's thumbnail (h, w, 3) in the colours of a look."""

    identity: tuple[str, str]
    pixels: NDArray[np.uint8]


def read_listing(folder: Path) -> Listing:
    """The slides of a cohort and the genes of their predictions.

    Raises
    ------
    CohortError
        The folder holds no cohort.
    """
    stamp = _stamp(folder / FILE)
    rows = rows_of_cohort(folder)
    return Listing(folder, tuple(rows), tuple(_genes(folder, rows)), stamp)


def read_changes(listing: Listing) -> Listing | None:
    """The cohort as it is now; None if its manifest is the same, or is gone."""
    if _stamp(listing.folder / FILE) in (listing.stamp, _NOTHING):
        return None
    return read_listing(listing.folder)


def iter_look(
    folder: Path, rows: Iterable[Row], choice: Choice, known: Look | None = None
) -> Events[Look]:
    """Read one value of each spot of all predicted slides, a slide at a time.

    Parameters
    ----------
    known
        An earlier look; what has not changed since is not read again if it has the same choice.
    """
    usable = known if known is not None and known.choice == choice else Look(choice)
    predicted = [row for row in rows if prediction_of(row)]
    unit, pace = usable.unit, Pace()
    seen: dict[tuple[str, str], Seen] = {}
    for number, row in enumerate(predicted):
        if pace.due():
            yield Progress(number, len(predicted), "read", row.name)
        before = usable.seen.get(row.identity)
        if before is not None and before.row == row:
            seen[row.identity] = before
            continue
        try:
            with opened_prediction(folder / prediction_of(row)) as file:
                seen[row.identity] = _see(row, _displayed(file, choice))
                unit = unit or file.unit
        except (PanelError, SpotsError) as error:
            seen[row.identity] = Seen(row, problem=one_line(error))
    return Look(choice, _limits(choice, seen.values()), _unit(choice, unit), seen)


def iter_cards(folder: Path, rows: Iterable[Row], look: Look) -> Events[None]:
    """Make the thumbnails of slides in the colours of a look, and yield each as a `Card`."""
    for row in rows:
        seen = look.seen.get(row.identity)
        if look.limits is None or seen is None or seen.problem:
            continue
        path = folder / prediction_of(row)
        try:
            with opened_prediction(path) as file:
                values = _displayed(file, look.choice)
            thumbnail = _thumbnail(path, _stamp(path))
        except (PanelError, SpotsError):
            continue  # it was readable for the look; the next one tells why it is not
        yield Card(row.identity, thumbnail.coloured(values, look.limits))


def _displayed(file: PredictionFile, choice: Choice) -> NDArray[np.float32]:
    values = file.values(choice.statistic, choice.gene)
    return np.maximum(values, 0) if STATISTICS[choice.statistic].is_value else values


def _see(row: Row, values: NDArray[np.float32]) -> Seen:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return Seen(row, problem="No spot has a value")
    return Seen(row, float(finite.mean()), finite[:: 1 + finite.size // _SAMPLE])


def _limits(choice: Choice, seen: Iterable[Seen]) -> tuple[float, float] | None:
    samples = [one.sample for one in seen if len(one.sample)]
    if not samples:
        return None
    return STATISTICS[choice.statistic].limits or colour_limits(samples)


def _unit(choice: Choice, unit: str) -> str:
    return STATISTICS[choice.statistic].scale or unit


def _genes(folder: Path, rows: Iterable[Row]) -> list[str]:
    for row in rows:
        if name := prediction_of(row):
            try:
                with opened_prediction(folder / name) as file:
                    return file.genes
            except SpotsError:
                continue
    return []


@lru_cache(maxsize=_KEPT)
def _thumbnail(path: Path, stamp: tuple[int, int]) -> Thumbnail:
    """Of the file as it was at that time."""
    with opened_prediction(path) as file:
        return thumbnail_of(file.spots())


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return _NOTHING
    return stat.st_mtime_ns, stat.st_size
