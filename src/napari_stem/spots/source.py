"""Where a spot table came from, and what its format states about the slide."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anndata import AnnData

_SLOT = "source"


@dataclass(frozen=True, slots=True)
class Source:
    """What the files of a spot table state besides the spots.

    Attributes
    ----------
    format
        Display text, such as "Visium HD, 16 µm bins".
    pitch_um
        Micrometres between neighbouring spots; None where the format has no fixed array.
    mpp
        Micrometres per level-0 pixel that the files state; None where they do not.
    images
        Images that were found with the spots and may be the slide.
    image_size
        Width and height in pixels of the image in whose pixels the spots are given, as smaller
        pictures and their scale factors imply.
    beyond_slide
        Whether spots outside the slide are left out instead of refused, because the instrument
        measured more tissue than the image shows.
    bins
        Sizes in micrometres in which
    folder
        has the same counts, where there are several.
    made_on
        Fingerprint of the slide that a grid was laid on; "" for other spots.
    """

    format: str
    pitch_um: float | None = None
    mpp: float | None = None
    images: tuple[Path, ...] = ()
    image_size: tuple[float, float] | None = None
    beyond_slide: bool = False
    bins: tuple[int, ...] = ()
    folder: Path | None = None
    made_on: str = ""

    @property
    def image(self) -> Path | None:
        """The slide, if one image alone was found with the spots."""
        return self.images[0] if len(self.images) == 1 else None


def with_source(spots: AnnData, source: Source) -> AnnData:
    """The table with its source, which is also kept in h5ad files."""
    known = {name: value for name, value in asdict(source).items() if value}
    known |= {name: str(value) for name, value in known.items() if isinstance(value, Path)}
    for name in ("bins", "image_size"):  # a file holds no tuple
        if name in known:
            known[name] = list(known[name])
    if source.images:
        known["images"] = [str(image) for image in source.images]
    spots.uns[_SLOT] = known
    return spots


def source_of(spots: AnnData) -> Source:
    """The source of a table; empty for tables of other origin."""
    known = spots.uns.get(_SLOT)
    if not isinstance(known, dict) or "format" not in known:
        return Source("spot table")
    return Source(
        str(known["format"]),
        pitch_um=_number(known.get("pitch_um")),
        mpp=_number(known.get("mpp")),
        images=tuple(Path(str(image)) for image in known.get("images", ())),
        image_size=_size(known.get("image_size")),
        beyond_slide=bool(known.get("beyond_slide", False)),
        bins=tuple(int(size) for size in known.get("bins", ())),
        folder=_path(known.get("folder")),
        made_on=str(known.get("made_on", "")),
    )


def _path(value: object) -> Path | None:
    return Path(str(value)) if value else None


def _size(value: Any) -> tuple[float, float] | None:
    return None if value is None else (float(value[0]), float(value[1]))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float | int) else None
