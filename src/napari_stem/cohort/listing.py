"""The slides of a cohort, of what people name: slides, sections, folders, globs, tables."""

from __future__ import annotations

import csv
import glob
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_stem.cohort.order import Listed
from napari_stem.errors import OptionError, SlideNotFound, SpotsNotFound
from napari_stem.io import find_sections, is_spot_source
from napari_stem.sections.public_data import is_sample
from napari_stem.slides.formats import is_slide
from napari_stem.slides.suffixes import SLIDES, bare_name
from napari_stem.spots.section_names import section_name

COLUMNS = ("slide", "spots", "image", "mpp", "name", "patient")
_TABLES = (".csv", ".tsv")
_PATHS = ("slide", "spots", "image")
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]')  # in names of files, on one system or another


def find_slides(sources: Iterable[str | Path], *, apart: Path | None = None) -> list[Listed]:
    """List the slides that sources name, each once.

    Parameters
    ----------
    sources
        Slides, sections, names of samples; folders of slides or of sections; globs; or tables
        (.csv, .tsv) with the columns `COLUMNS`, of which only "slide" is needed and whose paths
        start from the folder of the table.
    apart
        A folder that is left out, such as the one that results are written to.

    Raises
    ------
    SlideNotFound
        A source names nothing, or all slides lie in the folder that is left out.
    OptionError
        A table cannot be read as a list of slides.
    """
    found = [listed for source in sources for listed in _listed(str(source))]
    kept = [one for one in found if apart is None or not _lies_in(one.slide, apart)]
    if not found:
        raise SlideNotFound("No slide is named. Name slides, folders, patterns or tables.")
    if not kept:
        raise SlideNotFound(
            "All slides lie in the folder of the results, whose pictures are no slides. Choose "
            f"another folder for the results. Folder: '{apart}'."
        )
    return list({one.identity: one for one in kept}.values())


def named(slides: Sequence[Listed], taken: Mapping[tuple[str, str], str]) -> list[Listed]:
    """The same slides, each with a name of its own that can be a file's.

    Slides whose paths give the same name bear those of their folders, too, and numbers at last.

    Parameters
    ----------
    taken
        Names that slides of the cohort have already, by their identities; they keep them.
    """
    plain = [one.name or _name_of(one) for one in slides]
    shared = Counter(map(str.lower, plain))
    used = {name.lower() for name in taken.values()}
    found = []
    for one, name in zip(slides, plain, strict=True):
        kept = taken.get(one.identity, "")
        if not kept or (one.name and not kept.startswith(_as_file(one.name))):
            common = shared[name.lower()] > 1 and not one.name
            fuller = f"{Path(one.slide).parent.name}-{name}" if common else name
            kept = _free(_as_file(fuller), used)
            used.add(kept.lower())
        found.append(replace(one, name=kept))
    return found


def _listed(source: str) -> Iterator[Listed]:
    path = Path(source)
    if is_sample(source):
        yield Listed(source)
    elif path.suffix.lower() in _TABLES and path.is_file():
        yield from _read_table(path)
    elif path.is_dir() and not is_slide(path):
        yield from _in_folder(path)
    elif path.exists():
        yield Listed(str(path.absolute()))
    elif matches := sorted(glob.glob(source, recursive=True)):  # noqa: PTH207  # of any folder
        for match in matches:
            yield from _listed(match)
    else:
        raise SlideNotFound(f"There is no slide, folder or table at '{source}'. Check the path.")


def _in_folder(folder: Path) -> Iterator[Listed]:
    """The section that a folder is, or sections and slides that lie in it."""
    sections = find_sections(folder)
    if is_spot_source(sections[0]):
        whole = sections == [folder]
    else:
        sections, whole = [], False
    slides = [] if whole else [path for path in sorted(folder.iterdir()) if _looks_like_slide(path)]
    if not sections and not slides:
        raise SlideNotFound(
            "The folder holds neither slides nor sections. For slides in folders below it use a "
            f"pattern such as '{folder / '**' / '*.svs'}'. Folder: '{folder}'."
        )
    for path in (*sections, *slides):
        yield Listed(str(path.absolute()))


def _looks_like_slide(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    return path.suffix.lower() in SLIDES if path.is_file() else is_slide(path)


def _read_table(path: Path) -> Iterator[Listed]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OptionError(f"The list of slides could not be read: {error}.") from error
    first, *_ = text.splitlines() or [""]
    delimiter = max("\t;,", key=first.count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    columns = [name.strip().lower() for name in rows.fieldnames or ()]
    if "slide" not in columns:
        raise OptionError(
            "The table is no list of slides: it has no column 'slide'. Columns: "
            f"{', '.join(COLUMNS)}. File: '{path}'."
        )
    rows.fieldnames = columns
    empty = True
    for number, row in enumerate(rows, start=2):
        values = {name: (row.get(name) or "").strip() for name in COLUMNS}
        if values["slide"]:
            empty = False
            yield _row(values, path, number)
    if empty:
        raise SlideNotFound(
            f"The table names no slide: its column 'slide' has no entry. File: '{path}'."
        )


def _row(values: Mapping[str, str], path: Path, number: int) -> Listed:
    try:
        mpp = float(values["mpp"]) if values["mpp"] else None
    except ValueError:
        raise OptionError(
            f"mpp is '{values['mpp']}' in line {number}; it must be a number or empty. "
            f"File: '{path}'."
        ) from None
    places = {name: _absolute(values[name], path.parent) for name in _PATHS}
    return Listed(**places, mpp=mpp, name=values["name"], patient=values["patient"])


def _absolute(text: str, folder: Path) -> str:
    return text if not text or is_sample(text) else str((folder / text).absolute())


def _lies_in(slide: str, folder: Path) -> bool:
    return not is_sample(slide) and Path(slide).absolute().is_relative_to(folder.absolute())


def _name_of(one: Listed) -> str:
    path = Path(one.slide)
    if one.spots and not is_sample(one.slide):
        return bare_name(path)
    try:
        section = is_sample(one.slide) or is_spot_source(path)
    except (OSError, SpotsNotFound):
        section = False
    return section_name(path) if section else bare_name(path)


def _as_file(name: str) -> str:
    return _UNSAFE.sub("-", name).strip(". ") or "slide"


def _free(name: str, used: set[str]) -> str:
    """A name that no other slide has, in capitals or not."""
    number, free = 1, name
    while free.lower() in used:
        number += 1
        free = f"{name}-{number}"
    return free
