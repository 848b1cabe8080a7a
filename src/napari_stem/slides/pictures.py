"""Which picture of a file is the slide, where there are several.

Scanners also store the label, the whole glass and a thumbnail, any of which can be larger than the
scan. Names and flags set these apart. Among the others a microscope's scale, levels and tiles tell
a scan; size decides only where all of that is equal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from napari_stem.errors import Hint, OptionError, Remedy, SlideUnreadable
from napari_stem.text import a_few

_COARSEST = 2.0  # µm/px of a microscope's scan; pictures of a whole glass have 10 and more
_ASIDE = re.compile(
    r"(?<![a-z])(label|barcode|macro|overview|thumb(nail)?|preview|map|localizer)(?![a-z])", re.I
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What a file tells of one of its pictures.

    Attributes
    ----------
    name
        Its name in the file, or what stands for one.
    width, height
        In pixels.
    mpp
        Micrometres per pixel; None if unknown.
    has_levels, is_tiled
        As scans have and mostly nothing else.
    is_reduced
        Whether it is marked as a smaller copy.
    """

    name: str
    width: int
    height: int
    mpp: float | None = None
    has_levels: bool = False
    is_tiled: bool = False
    is_reduced: bool = False

    @property
    def is_aside(self) -> bool:
        """Whether it shows a label, the whole glass, or the slide in small."""
        return self.is_reduced or _ASIDE.search(self.name) is not None

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, int]:
        """The larger, the more it looks like the slide."""
        is_scan = self.mpp is not None and self.mpp <= _COARSEST
        size = self.width * self.height
        return not self.is_aside, is_scan, self.has_levels, self.is_tiled, size


class Choice(NamedTuple):
    """The picture that is the slide, and the names of all.

    Attributes
    ----------
    second
        The one that looks most like the slide among the others; itself if there is no other.
    notes
        What to tell of the choice.
    """

    number: int
    second: int
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @contextmanager
    def naming_others(self) -> Iterator[None]:
        """An error that the picture is unusable also names the others in the file."""
        try:
            yield
        except SlideUnreadable as error:
            if len(self.names) < 2:
                raise
            others = _listed(self.names, but=self.number)
            tried = f"This is picture {self.number} ('{self.names[self.number]}')"
            raise SlideUnreadable(
                f"{error} {tried}; the file also has {others}.",
                hint=Hint(Remedy.PICTURE, str(self.second)),
            ) from error


def choose_picture(pictures: Sequence[Picture], wanted: str | int = "") -> Choice:
    """The picture that is the slide, or the one that the user wants.

    Parameters
    ----------
    wanted
        The name of a picture, or its number from 0; "" leaves the choice to what the file tells.

    Raises
    ------
    OptionError
        There is no such picture.
    """
    names = _distinct([picture.name for picture in pictures])
    ranked = sorted(range(len(pictures)), key=lambda i: (*pictures[i].rank, -i), reverse=True)
    number = ranked[0] if wanted == "" else find_picture(names, wanted)
    second = next((other for other in ranked if other != number), number)
    if wanted != "":
        return Choice(number, second, names)
    doubtful = [i for i, one in enumerate(pictures) if one.is_aside == pictures[number].is_aside]
    return Choice(number, second, names, _told(names, number) if len(doubtful) > 1 else ())


def find_picture(names: Sequence[str], wanted: str | int) -> int:
    """The number of the picture of a name, or of a number, which may be text.

    Raises
    ------
    OptionError
        There is no such picture.
    """
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    text = str(wanted).strip()
    if text.isdecimal() and int(text) < max(1, len(names)):
        return int(text)
    if not names:
        raise OptionError(f"There is no picture '{wanted}': the file has one picture alone.")
    raise OptionError(f"There is no picture '{wanted}'; the file has {_listed(names)}.")


def _told(names: Sequence[str], taken: int) -> tuple[str, ...]:
    shown = f"Picture {taken} ('{names[taken]}') is the slide"
    others = _listed(names, but=taken)
    return (f"The file has {len(names)} pictures. {shown}; the others are {others}.",)


def _listed(names: Sequence[str], but: int | None = None) -> str:
    return a_few(f"{number} ('{name}')" for number, name in enumerate(names) if number != but)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """The names; one that occurs more than once with its number behind."""
    return tuple(
        f"{name} #{number}" if names.count(name) > 1 else name for number, name in enumerate(names)
    )
