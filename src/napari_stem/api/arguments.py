"""What callers may write for a slide, spots, a section, a checkpoint: paths and names, or objects.

Everything that is wrong with an argument is said here, with its name, what was expected and what
came instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anndata import AnnData

from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.errors import WrongType
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.registry import Encoder, find_encoder
from napari_stem.features.patches import PAPER, PHYSICAL, PatchGeometry
from napari_stem.io import find_sections, is_spot_source
from napari_stem.sections.public_data import is_sample, sample_section
from napari_stem.sections.section import Section, open_section, section_on
from napari_stem.slides.formats import is_slide
from napari_stem.slides.slide import Slide, open_slide
from napari_stem.spots.grid import make_grid
from napari_stem.storage import cache_dir

if TYPE_CHECKING:
    from typing import TypeAlias

SlideLike: TypeAlias = "Slide | str | Path"
SectionLike: TypeAlias = "Section | str | Path"
SpotsLike: TypeAlias = "AnnData | str | Path"
CheckpointLike: TypeAlias = "Checkpoint | str | Path"
EncoderLike: TypeAlias = "Encoder | str"
CacheLike: TypeAlias = "bool | str | Path | None"

_KINDS = {
    Slide: "a slide",
    Section: "a section",
    AnnData: "a table of spots or a prediction (AnnData)",
    Checkpoint: "a checkpoint",
    Recipe: "a recipe",
    str: "text",
    Path: "a path",
}


def wrong(name: str, value: object, expected: str) -> WrongType:
    """The error that an argument is of the wrong kind."""
    got = next((text for kind, text in _KINDS.items() if isinstance(value, kind)), "")
    got = got or f"{type(value).__name__} {value!r}"[:80]
    swapped = isinstance(value, Slide | Section | AnnData | Checkpoint | Recipe)
    hint = " Are two arguments swapped?" if swapped else ""
    return WrongType(f"{name} must be {expected}, got {got}.{hint}")


def as_checkpoint(value: CheckpointLike, name: str = "checkpoint") -> Checkpoint:
    """A checkpoint, read if a path is given."""
    if isinstance(value, Checkpoint):
        return value
    if isinstance(value, str | Path):
        return load_checkpoint(value)
    raise wrong(name, value, "a checkpoint or the path of one")


def as_section(value: SectionLike, name: str = "section", **opening: Any) -> Section:
    """A section, opened if a path or a name such as "her2st:C5" is given."""
    if isinstance(value, Section):
        return value
    if not isinstance(value, str | Path):
        raise wrong(name, value, 'a section, the path of one or a name such as "her2st:C5"')
    if is_sample(str(value)):
        return sample_section(str(value))
    return open_section(value, **opening)


def as_sections(
    value: SectionLike | Sequence[SectionLike], name: str = "sections"
) -> list[Section]:
    """Sections, of one or of several; a folder of sections stands for all of them."""
    several = [value] if isinstance(value, Section | str | Path) else value
    if not isinstance(several, Iterable):
        raise wrong(name, value, "sections, or paths or names of sections")
    return [as_section(one, name) for each in several for one in _unfolded(each)]


def _unfolded(value: SectionLike) -> Sequence[SectionLike]:
    if isinstance(value, str | Path) and Path(value).is_dir():
        return find_sections(Path(value))
    return [value]


def as_place(slide: SlideLike | SectionLike, spots: SpotsLike | None) -> tuple[Slide, AnnData]:
    """A slide and its spots: those given, the section's own, or a grid over the tissue."""
    if isinstance(slide, str | Path) and _is_section(slide):
        slide = as_section(slide)
    if isinstance(slide, Section):
        return as_spots(slide.spots if spots is None else spots, slide.slide)
    opened = as_slide(slide)
    return (opened, make_grid(opened)) if spots is None else as_spots(spots, opened)


def as_slide(value: SlideLike, name: str = "slide") -> Slide:
    """A slide, opened if a path is given."""
    if isinstance(value, Slide):
        return value
    if isinstance(value, str | Path):
        return open_slide(value)
    raise wrong(name, value, "a slide, a section, or the path or name of one")


def as_spots(value: SpotsLike, slide: Slide) -> tuple[Slide, AnnData]:
    """A spot table of a slide, read if a path is given, which may tell the slide's scale."""
    if isinstance(value, AnnData):
        return slide, value
    if isinstance(value, str | Path):
        section = section_on(slide, Path(value))
        return section.slide, section.spots
    raise wrong("spots", value, "a table of spots (AnnData), the path of one, or None")


def _is_section(value: str | Path) -> bool:
    path = Path(value)
    return is_sample(str(value)) or is_spot_source(path) or (path.is_dir() and not is_slide(path))


def as_encoders(value: EncoderLike | Sequence[EncoderLike]) -> tuple[Encoder, ...]:
    """Entries of the registry, found if names are given."""
    several = [value] if isinstance(value, str | Encoder) else value
    if not isinstance(several, Iterable):
        raise wrong("encoders", value, 'names of encoders such as "uni"')
    return tuple(one if isinstance(one, Encoder) else find_encoder(one) for one in several)


def as_geometry(value: PatchGeometry | str) -> PatchGeometry:
    """The tissue that a patch covers, by name: "physical" or "paper"."""
    names = {"physical": PHYSICAL, "paper": PAPER}
    if isinstance(value, PatchGeometry):
        return value
    if value in names:
        return names[value]
    raise wrong("geometry", value, '"physical", "paper" or a PatchGeometry')


def as_compute(
    *, cache: CacheLike = True, weights: Mapping[str, str | Path] | None = None, **options: Any
) -> Compute:
    """Where it runs; a cache of True is the user's own, which the terminal and napari share."""
    folder = cache_dir() if cache is True else Path(cache) if cache else None
    files = {name: Path(file) for name, file in (weights or {}).items()}
    return Compute(cache=folder, weights=files, **options)
