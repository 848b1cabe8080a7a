"""Errors that a user can act on: what is wrong, where, and what to do.

::

    StemError
    ├── WrongType                 an argument of the wrong type
    ├── OptionError               an option outside its range
    ├── SlideError                a slide that cannot be used
    │   ├── SlideNotFound
    │   ├── SlideUnreadable
    │   ├── MissingScale          no micrometres per pixel
    │   └── LowResolution         too few pixels for the patches of the encoders
    ├── SpotsError                spots or counts that cannot be used
    │   ├── SpotsNotFound
    │   ├── SpotsOutsideSlide
    │   ├── SpotsContradictSlide  scale, size or tissue say that spots and slide do not fit
    │   └── CountsError           negative, not finite, or not of these spots
    ├── PanelError                a panel is empty, too large, or has missing genes
    ├── EncoderError              an unknown encoder, or missing weights
    ├── CheckpointError
    │   ├── CheckpointNotFound
    │   ├── CheckpointUnreadable
    │   └── CheckpointMismatch    made for another encoder, geometry or schema
    ├── TrainingError             a run that cannot start or continue
    ├── CohortError               a cohort that cannot start or continue
    └── StorageError              a file that could not be written

None derives from `RuntimeError` (Qt workers lose it) or `KeyError` (it quotes its message).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Remedy(StrEnum):
    """What a user can change to mend an error; each front end words it for itself."""

    SCALE = "scale"
    IMAGE = "image"
    BIN = "bin"
    NO_BIN = "no bin"
    WEIGHTS = "weights"
    DEVICE = "device"
    SPARSE = "sparse"
    PICTURE = "picture"
    TRUST = "trust"
    LOW_RESOLUTION = "low resolution"
    LIBRARY = "library"
    LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Hint:
    """A remedy, with a value that helps, or the name of what it concerns."""

    remedy: Remedy
    value: str = ""

    def said(self, words: Mapping[Remedy, str]) -> str:
        """The hint in the words of a front end, in which "{value}" is replaced."""
        return words[self.remedy].format(value=self.value)


_of_os_error: Any = OSError.__new__  # ValueError's, found first, refuses; unpickling may call it


class StemError(Exception):
    """Base of every error that this package raises on purpose.

    Parameters
    ----------
    message
        What is wrong, where, and what to do; complete without the hint.
    hint
        What to change, worded by each of the terminal, the window and Python.
    """

    def __init__(self, message: str = "", *, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def about(self, where: str) -> Self:
        """The same error, which also says where, as a last sentence."""
        return type(self)(f"{self} {where}", hint=self.hint)


class WrongType(StemError, TypeError):
    """An argument has the wrong type, or two are swapped."""

    @classmethod
    def of(cls, name: str, value: object, expected: str) -> Self:
        """The error that an argument is not what was expected."""
        kind = type(value).__name__
        if type(value).__module__.startswith(("napari_stem.", "anndata.")):
            article = "an" if kind[0] in "AEIO" else "a"
            return cls(
                f"{name} must be {expected}, got {article} {kind}. Check the order of the "
                "arguments."
            )
        return cls(f"{name} must be {expected}, got {repr(value)[:60]} ({kind}).")


class OptionError(StemError, ValueError):
    """An option is outside its range or contradicts another one."""


class SlideError(StemError, ValueError):
    """A slide cannot be used."""


class SlideNotFound(SlideError, FileNotFoundError):
    """There is no slide at this path."""

    __new__ = _of_os_error


class SlideUnreadable(SlideError):
    """The file is damaged, of an unknown format, or not an RGB image."""


class MissingScale(SlideError):
    """The slide states no micrometres per pixel and none was given."""


class LowResolution(SlideError):
    """The image is too coarse for the patches that encoders were made for."""


class SpotsError(StemError, ValueError):
    """A spot table cannot be used."""


class SpotsNotFound(SpotsError, FileNotFoundError):
    """There are no spots at this path."""

    __new__ = _of_os_error


class SpotsOutsideSlide(SpotsError):
    """Spots lie outside the slide: wrong image, scale or axis order."""


class SpotsContradictSlide(SpotsError):
    """Scale, image size or tissue of a slide contradict its spots."""


class CountsError(SpotsError):
    """Counts are negative, not finite, or belong to other spots."""


class PanelError(StemError, ValueError):
    """A gene panel is empty, too large, or names genes that are missing."""


class EncoderError(StemError, ValueError):
    """An encoder is unknown or its weights cannot be loaded."""


class CheckpointError(StemError, ValueError):
    """A checkpoint cannot be used."""


class CheckpointNotFound(CheckpointError, FileNotFoundError):
    """There is no checkpoint at this path."""

    __new__ = _of_os_error


class CheckpointUnreadable(CheckpointError):
    """The file is damaged or is no checkpoint."""


class CheckpointMismatch(CheckpointError):
    """The checkpoint was made for another encoder, geometry or schema."""


class TrainingError(StemError, ValueError):
    """A training run cannot start or continue."""


class CohortError(StemError, ValueError):
    """Work on many slides cannot start or continue."""


class StorageError(StemError, OSError):
    """A file could not be written; what stood there before is untouched."""
