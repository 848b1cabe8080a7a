"""Reads the folder of a session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem._napari.keeping.session_folder import damaged, read_index
from napari_stem._napari.shell.imports import importing
from napari_stem._napari.state.drawn_shape import DrawnShape
from napari_stem._napari.state.saved_places import points_in
from napari_stem._napari.state.saved_view import View
from napari_stem.errors import StemError
from napari_stem.events import Events, Progress
from napari_stem.prediction.options import PredictOptions

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.point import Point
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class SavedRequest:
    """The request of a result as it was saved; its checkpoint may be another one by now.

    Attributes
    ----------
    content
        The digest of the checkpoint's file.
    """

    checkpoint: Path
    content: str
    options: PredictOptions
    name: str
    spots: AnnData
    whole: AnnData | None


@dataclass(frozen=True, slots=True, eq=False)
class SavedResult:
    """A result as it was saved; it has no request if it was opened from a file."""

    name: str
    prediction: AnnData
    view: View
    request: SavedRequest | None


@dataclass(frozen=True, slots=True, eq=False)
class SavedSlide:
    """A slide of a session as it was saved.

    Attributes
    ----------
    shown
        Which of the results was shown; -1 for none.
    running
        The prediction that was not complete.
    """

    slide: Slide
    spots: AnnData | None
    whole: AnnData | None
    results: tuple[SavedResult, ...]
    shown: int
    running: SavedRequest | None
    points: tuple[Point, ...]
    shapes: tuple[DrawnShape, ...]


def read_session(folder: Path) -> Events[list[SavedSlide]]:
    """Read the slides of a session.

    Raises
    ------
    StemError
        The folder holds no session, or one that is damaged.
    """
    reading, found = _Reading(folder), []
    for entry in read_index(folder):
        yield Progress(0, 0, "read", Path(str(entry.get("path"))).name)
        try:
            slide = reading.slide(entry)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(folder) from error
        yield from slide.slide.iter_overview()
        found.append(slide)
    return found


class _Reading:
    """Reads each file once: what was one table is one table again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, AnnData] = {}

    def slide(self, entry: dict[str, Any]) -> SavedSlide:
        results = tuple(map(self._result, entry["results"]))
        shown = entry["shown"] if entry["shown"] in range(len(results)) else -1
        drawn = [(str(kind), np.array(corners, float)) for kind, corners in entry["shapes"]]
        spots, whole, points = (self._table(entry[name]) for name in ("spots", "whole", "points"))
        running = self._request(entry["running"])
        # Last: if anything above is damaged, no file stays open.
        slide = _slide_of(entry, [result.prediction for result in results], self._folder)
        kept = () if points is None else tuple(points_in(points, slide))
        shapes = tuple(DrawnShape.on(slide, kind, corners) for kind, corners in drawn)
        return SavedSlide(slide, spots, whole, results, shown, running, kept, shapes)

    def _result(self, entry: dict[str, Any]) -> SavedResult:
        prediction = self._table(entry["file"])
        assert prediction is not None  # it has a file
        view = {**entry["view"], "hidden": tuple(entry["view"]["hidden"])}
        return SavedResult(entry["name"], prediction, View(**view), self._request(entry["request"]))

    def _request(self, entry: dict[str, Any] | None) -> SavedRequest | None:
        if entry is None:
            return None
        spots = self._table(entry["spots"])
        assert spots is not None  # a request has spots
        try:
            options = PredictOptions(**entry["options"])
        except (TypeError, StemError):  # those of another version
            return None
        return SavedRequest(
            Path(entry["checkpoint"]), entry["content"], options, entry["name"], spots,
            self._table(entry["whole"]),
        )  # fmt: skip

    def _table(self, file: str) -> AnnData | None:
        with importing:
            from napari_stem.io.h5ad import read_h5ad

        if file and file not in self._tables:
            self._tables[file] = read_h5ad(self._folder / file)
        return self._tables.get(file)


def _slide_of(entry: dict[str, Any], predictions: Sequence[AnnData], folder: Path) -> Slide:
    """The slide of a result, which is checked by its content, or else the file as it is."""
    with importing:
        from napari_stem.io.preview import slide_of
        from napari_stem.slides.slide import open_slide

    if predictions:
        return slide_of(predictions[0], folder)
    slide = open_slide(Path(entry["path"]), picture=entry["picture"])
    return slide.with_mpp(entry["mpp"], "session") if entry["mpp"] else slide
