"""Sessions on disk: a folder with the open slides, their spots and their complete results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_stem._napari.shell.exporting import ExportRequest
from napari_stem._napari.state.saved_view import View
from napari_stem.errors import SlideNotFound, StemError
from napari_stem.events import Events, Progress

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem._napari.state.kept_result import KeptResult
    from napari_stem._napari.state.point import Point
    from napari_stem._napari.state.session import Session
    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide

INDEX = "session.json"


class OpenSlide(NamedTuple):
    """A slide as it is open: what is written of it."""

    slide: Slide
    session: Session
    points: tuple[Point, ...]

    @property
    def results(self) -> list[KeptResult]:
        """Its complete results."""
        return [kept for kept in self.session.kept if kept.result.prediction is not None]


@dataclass(frozen=True, slots=True, eq=False)
class SavedSlide:
    """A slide of a session as it was read.

    Attributes
    ----------
    spots
        None if there were none, or if they are those of a result.
    results
        Names and predictions.
    shown
        Which of the results was shown.
    """

    slide: Slide
    spots: AnnData | None
    results: tuple[tuple[str, AnnData], ...]
    shown: int


def open_slides(workspace: Workspace) -> list[OpenSlide]:
    """What a session of a workspace consists of."""
    found = [(slide, workspace.session_of(slide)) for slide in workspace.slides]
    return [OpenSlide(x, session, workspace.points_of(x)) for x, session in found if session]


def save_session(slides: Sequence[OpenSlide], folder: Path) -> Events[list[KeptResult]]:
    """Write slides into a folder, in place of a session that it holds.

    A slide is kept by its path; of one that is only in memory, a result keeps a thumbnail.

    Returns
    -------
    The results that were written.
    """
    from napari_stem.storage import atomic_path

    entries = []
    for number, one in enumerate(slides):
        entries.append((yield from _saved(one, folder, f"slide-{number}")))
    with atomic_path(folder / INDEX) as draft:
        draft.write_text(json.dumps({"version": 1, "slides": entries}, indent=1), "utf-8")
    return [kept for one in slides for kept in one.results]


def _saved(one: OpenSlide, folder: Path, stem: str) -> Events[dict[str, Any]]:
    """Write the tables of a slide; what the index says of it."""
    from napari_stem.exports.h5ad import write_h5ad

    slide, spots = one.slide, one.session.spots
    results = []
    for number, kept in enumerate(one.results):
        file = f"{stem}-result-{number}.h5ad"
        assert kept.result.prediction is not None  # it is complete
        prediction, path, view = kept.result.prediction, folder / file, View.of(kept)
        yield from ExportRequest(prediction, path, view, points=one.points).events()
        results.append({"file": file, "name": kept.name})
    own = spots is not None and all(kept.spots is not spots for kept in one.results)
    if own:
        yield Progress(0, 0, "save", slide.name)
        write_h5ad(spots, folder / f"{stem}-spots.h5ad")
    shown = [kept.result is one.session.result for kept in one.results]
    return {
        "path": str(slide.path or ""),
        "picture": slide.picture,
        "mpp": slide.mpp,
        "spots": f"{stem}-spots.h5ad" if own else "",
        "results": results,
        "shown": shown.index(True) if any(shown) else -1,
    }


def read_session(folder: Path) -> Events[list[SavedSlide]]:
    """Read the slides of a session.

    Raises
    ------
    StemError
        The folder holds no session, or one of its files cannot be read.
    """
    try:
        entries = json.loads((folder / INDEX).read_text("utf-8"))["slides"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StemError(f"There is no session of Stem in '{folder}'.") from error
    found = []
    for entry in entries:
        found.append((yield from _read(entry, folder)))
    return found


def _read(entry: dict[str, Any], folder: Path) -> Events[SavedSlide]:
    yield Progress(0, 0, "read", Path(entry["path"]).name)
    from napari_stem.io.h5ad import read_h5ad

    results = tuple((each["name"], read_h5ad(folder / each["file"])) for each in entry["results"])
    spots = read_h5ad(folder / entry["spots"]) if entry["spots"] else None
    slide = _slide_of(entry, [prediction for _, prediction in results], folder)
    yield from slide.iter_overview()
    return SavedSlide(slide, spots, results, entry["shown"])


def _slide_of(entry: dict[str, Any], predictions: Sequence[AnnData], folder: Path) -> Slide:
    """The slide of a result, which is checked by its content, or else the file as it is."""
    from napari_stem.io.preview import slide_of
    from napari_stem.slides.slide import open_slide

    if predictions:
        return slide_of(predictions[0], folder)
    if not entry["path"]:
        raise SlideNotFound("A slide of the session was only in memory, and had no result.")
    slide = open_slide(Path(entry["path"]), picture=entry["picture"])
    return slide.with_mpp(entry["mpp"], "session") if entry["mpp"] else slide
