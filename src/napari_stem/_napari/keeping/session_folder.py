"""Sessions on disk: a folder with the open slides and all that was made on them.

An index names the other files. It is written last, and files that it no longer names are then
removed, so that the folder always holds one whole session.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from napari_stem._napari.keeping.exporting import ExportRequest
from napari_stem._napari.shell.imports import importing
from napari_stem._napari.state.saved_places import keep_points
from napari_stem._napari.state.saved_view import View
from napari_stem.errors import StemError
from napari_stem.events import Events, Progress
from napari_stem.storage import atomic_path
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.drawn_shape import DrawnShape
    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.point import Point
    from napari_stem._napari.state.request import PredictRequest
    from napari_stem._napari.state.session import Session
    from napari_stem.slides.slide import Slide

INDEX = "session.json"
VERSION = 3  # of the index
_SUFFIX = ".h5ad"


class OpenSlide(NamedTuple):
    """A slide as it is open: what is written of it."""

    slide: Slide
    session: Session
    points: tuple[Point, ...] = ()
    shapes: tuple[DrawnShape, ...] = ()
    running: PredictRequest | None = None  # which is not complete

    @property
    def results(self) -> list[KeptResult]:
        """Its complete results."""
        return [kept for kept in self.session.kept if kept.result.prediction is not None]

    @property
    def has_work(self) -> bool:
        """Whether anything was made on it that no file of the user holds."""
        made = self.points or self.shapes or self.running
        return bool(made) or not all(one.is_saved for one in self.results)

    @property
    def can_return(self) -> bool:
        """Whether it is in a file, or has a result, which holds a thumbnail of it."""
        return self.slide.path is not None or bool(self.results)


class SessionFolder:
    """The folder of a session; what it holds already is not written again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, _Source] = {}

    def save(self, slides: Sequence[OpenSlide]) -> Events[list[KeptResult]]:
        """Write slides in place of the session that the folder holds.

        A slide is kept by its path; of one that is only in memory, a result keeps a thumbnail.
        One without a path and a result is left out.

        Returns
        -------
        The results that were written.
        """
        former = _named_files(self.path) | set(self._held)
        writing = _Writing(self.path, self._held)
        kept = [one for one in slides if one.can_return]
        entries = []
        for one in kept:
            entries.append((yield from writing.slide(one)))
        yield Progress(0, 0, "save", INDEX)  # one that was stopped leaves the former session
        with atomic_path(self.path / INDEX) as draft:
            draft.write_text(json.dumps({"version": VERSION, "slides": entries}, indent=1), "utf-8")
        self._held = writing.held
        for file in former - set(writing.held):
            (self.path / file).unlink(missing_ok=True)
        return [result for one in kept for result in one.results]


_Source = tuple[object, ...]  # what a file was written from


class _Writing:
    """Writes the files of a session, except those that are there."""

    def __init__(self, folder: Path, there: dict[str, _Source]) -> None:
        self._folder, self._there = folder, there
        self.held: dict[str, _Source] = {}

    def slide(self, one: OpenSlide) -> Events[dict[str, Any]]:
        """Write the tables of a slide; what the index says of it."""
        results = []
        for kept in one.results:
            results.append((yield from self._result(kept)))
        slide, session = one.slide, one.session
        return {
            "path": str(slide.path or ""),
            "picture": slide.picture,
            "mpp": slide.mpp,
            "spots": (yield from self._spots(session.spots)),
            "whole": (yield from self._spots(session.whole)),
            "points": (yield from self._points(one.points)),
            "shapes": [[shape.kind, shape.corners] for shape in one.shapes],
            "results": results,
            "running": (yield from self._request(one.running)) if one.running else None,
            "shown": next(
                (i for i, kept in enumerate(one.results) if kept.result is session.result), -1
            ),
        }

    def _result(self, kept: KeptResult) -> Events[dict[str, Any]]:
        prediction = kept.result.prediction
        assert prediction is not None  # it is complete

        def write(path: Path) -> Events[Path]:
            return ExportRequest(prediction, path, View()).events()

        source = prediction, kept.clusters, kept.groups
        return {
            "file": (yield from self._file("result", source, write)),
            "name": kept.name,
            "view": asdict(View.of(kept)),
            "request": (yield from self._request(kept.request)) if kept.request else None,
        }

    def _request(self, request: PredictRequest) -> Events[dict[str, Any]]:
        return {
            "checkpoint": str(request.checkpoint.path),
            "content": request.checkpoint.content,
            "options": asdict(request.options),
            "name": request.name,
            "spots": (yield from self._spots(request.spots)),
            "whole": (yield from self._spots(request.whole)),
        }

    def _spots(self, spots: AnnData | None) -> Events[str]:
        if spots is None:
            return ""
        for file, source in self.held.items():
            if source[0] is spots:  # which may be a prediction
                return file
        return (yield from self._file("spots", (spots,), lambda path: _write(spots, path)))

    def _points(self, points: tuple[Point, ...]) -> Events[str]:
        if not points:
            return ""
        return (yield from self._file("points", points, lambda path: _write(_table(points), path)))

    def _file(
        self, kind: str, source: _Source, write: Callable[[Path], Events[Any]]
    ) -> Events[str]:
        """The file of what it is written from: one that is there, or a new one."""
        known = {**self._there, **self.held}
        name = next((file for file, other in known.items() if _are_same(source, other)), "")
        if not name:
            name = f"{kind}-{uuid4().hex[:8]}{_SUFFIX}"
            yield from write(self._folder / name)
        self.held[name] = source
        return name


def _are_same(source: _Source, other: _Source) -> bool:
    return len(source) == len(other) and all(map(lambda a, b: a is b, source, other))


def _write(table: AnnData, path: Path) -> Events[None]:
    with importing:
        from napari_stem.exports.encodable import encodable
        from napari_stem.exports.h5ad import write_h5ad

    yield Progress(0, 0, "save", path.name)
    write_h5ad(encodable(table), path)


def _table(points: tuple[Point, ...]) -> AnnData:
    with importing:
        from napari_stem.spots.table import spot_table

    made = spot_table([point.inspection.xy for point in points], diameter_px=1)
    made.uns["napari_stem"] = {}
    keep_points(points, made)
    return made


def read_index(folder: Path) -> list[dict[str, Any]]:
    """What the index of a session says of each slide; it names files of its folder alone.

    Raises
    ------
    StemError
        The folder holds no session, one of another version, or one whose index is damaged.
    """
    try:
        index = parse_json((folder / INDEX).read_text("utf-8"))
        version, slides = index["version"], list(index["slides"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StemError(f"There is no session of Stem in '{folder}'.") from error
    if version != VERSION:
        raise StemError(f"The session was saved by another version of Stem. Folder: '{folder}'.")
    try:
        are_own = all(map(_is_own, _files_of(slides)))
    except (KeyError, TypeError, AttributeError):
        are_own = False
    if not are_own:
        raise damaged(folder)
    return slides


def damaged(folder: Path) -> StemError:
    """The error that a session cannot be read."""
    return StemError(f"The session is damaged. Folder: '{folder}'.")


def _named_files(folder: Path) -> set[str]:
    """The files of the session that a folder holds."""
    try:
        return _files_of(read_index(folder))
    except StemError:
        return set()


def _files_of(slides: list[dict[str, Any]]) -> set[str]:
    """The files that an index names."""
    known = [each["request"] for one in slides for each in one["results"]]
    requests = [request for request in (*known, *(one["running"] for one in slides)) if request]
    results = [each["file"] for one in slides for each in one["results"]]
    tables = [one[name] for one in (*slides, *requests) for name in ("spots", "whole")]
    return {*results, *tables, *(one["points"] for one in slides)} - {""}


def _is_own(file: str) -> bool:
    """Whether a file is one of a session's folder: others are never read, and never removed."""
    return file.endswith(_SUFFIX) and Path(file).name == file
