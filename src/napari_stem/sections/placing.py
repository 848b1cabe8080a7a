"""Puts spots on their slide: what the two say about scale, size and place must agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import Hint, Remedy, SpotsContradictSlide
from napari_stem.io.pictures import is_drawn, picture_factor
from napari_stem.slides.tissue import tissue_mask
from napari_stem.spots.notes import add_notes
from napari_stem.spots.scaling import scale_spots
from napari_stem.spots.source import source_of, with_source
from napari_stem.spots.table import (
    check_spots,
    has_counts,
    on_slide,
    pitch,
    positions,
    scale_factors,
)
from napari_stem.spots.witnesses import (
    Claim,
    agreed_scale,
    are_few,
    arrangements,
    check_extent,
    check_pitch,
    check_size,
    check_unit,
    judge_tissue,
    left_out,
    reduction,
)
from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.slides.slide import Slide

_GIVEN = ("argument", "layer")  # sources of a scale that the user decides
_BACKGROUND = 0.1  # of the median depth; squares with fewer molecules lie beside the tissue


def place(
    spots: AnnData, slide: Slide, *, pitch_um: float | None = None, trust: bool = False
) -> tuple[AnnData, Slide]:
    """Spots on a slide, and the slide at the scale on which both agree.

    Where the slide is one of the smaller pictures of the image that was measured, which its name
    or its size tells, spots are moved onto it. A few spots beyond the slide are left out. What was
    found and assumed is added to the notes of the spots.

    Parameters
    ----------
    pitch_um
        Spot pitch in micrometres; default: that of the format.
    trust
        Use the coordinates as they are although image size or tissue contradict them.

    Raises
    ------
    SpotsContradictSlide
        Scale, image size or tissue say that the spots belong elsewhere.
    SpotsOutsideSlide
        Many spots do not lie on the slide.
    """
    if "napari_stem" in spots.uns:  # a prediction is in pixels of the image it was made on
        if not trust:
            _check_same_slide(spots, slide)
        check_spots(spots, slide)
        return spots, slide
    if source_of(spots).made_on == slide.fingerprint:  # a grid of this slide, perhaps on its glass
        check_spots(spots, slide)
        return spots, slide
    spots = _on_picture(spots, slide)
    notes = _unless_trusted(_size_notes, spots, slide, trust)
    slide, told = _scaled(spots, slide, pitch_um)
    notes += told
    spots, told = _left_in(spots, slide)
    notes += told
    notes += _unless_trusted(_pitch_notes, spots, slide, trust)
    notes += _unless_trusted(_tissue_notes, spots, slide, trust)
    notes += _count_notes(spots)
    add_notes(spots, notes)
    return spots, slide


def _check_same_slide(prediction: AnnData, slide: Slide) -> None:
    made_on = str(prediction.uns["napari_stem"].get("slide_fingerprint", ""))
    if made_on and made_on != slide.fingerprint:
        raise SpotsContradictSlide(
            f"These spots are those of a prediction on another slide than '{slide.name}', or on "
            "another file of it. Open that slide.",
            hint=Hint(Remedy.TRUST),
        )


def _unless_trusted(
    judge: Callable[[AnnData, Slide], list[str]], spots: AnnData, slide: Slide, trust: bool
) -> list[str]:
    """What a witness says of the positions; where they are trusted, a refusal is but a note."""
    try:
        return judge(spots, slide)
    except SpotsContradictSlide as error:
        if not trust:
            raise
        return [f"positions are trusted as they are, although: {error}"]


def _on_picture(spots: AnnData, slide: Slide) -> AnnData:
    """The spots in the slide's pixels, if it is a smaller picture of the image measured."""
    source, factors = source_of(spots), scale_factors(spots)
    named = picture_factor(slide.path or Path(slide.name))
    found = (named, factors[named]) if named in factors else None
    if found is None and source.image_size is not None:
        found = reduction(source.image_size, factors, (slide.width, slide.height))
    if found is None:
        return spots
    name, factor = found
    picture, size = slide.path.name if slide.path else slide.name, source.image_size
    scaled = scale_spots(spots, factor)
    add_notes(
        scaled,
        [f"coordinates scaled to the smaller image {picture} ({name} = {factor:.3g})"],
    )
    moved = replace(
        source,
        mpp=source.mpp and source.mpp / factor,
        image_size=size and (size[0] * factor, size[1] * factor),
    )
    return with_source(scaled, moved)


def _size_notes(spots: AnnData, slide: Slide) -> list[str]:
    expected, factors = source_of(spots).image_size, scale_factors(spots)
    if expected is None:
        return []
    rounding = max((1 / factor for factor in factors.values() if factor < 1), default=1.0)
    try:
        return [check_size(expected, rounding, (slide.width, slide.height), slide.name)]
    except SpotsContradictSlide as error:
        if slide.path is None or not is_drawn(slide.path):
            raise
        raise error.about("It is a picture that Space Ranger drew or took itself.") from error


def _scaled(spots: AnnData, slide: Slide, pitch_um: float | None) -> tuple[Slide, list[str]]:
    """The slide at the scale of its surest witness, if the others agree."""
    source = source_of(spots)
    given = slide.mpp is not None and slide.mpp_source in _GIVEN
    # Another scale may be that of the spots which lay on the slide before.
    mpp, where = (slide.mpp, slide.mpp_source) if given else slide.stated_mpp
    claims = list[tuple[Claim, str]]()
    if mpp is not None:
        by = "the scale that was given" if given else f"the slide ({where})"
        claims.append((Claim(mpp, by), where))
    if source.mpp:
        stated = Claim(source.mpp, f"the files of the spots ({source.format})"), source.format
        claims.insert(len(claims) if given else 0, stated)
    pitch_um = pitch_um or source.pitch_um
    enough = 3 if claims else 2  # two of a selection need not be neighbours
    if pitch_um and spots.n_obs >= enough and (apart := pitch(spots)) > 0:
        by = f"the spot pitch of {pitch_um:g} µm ({apart:.1f} px)"
        claims.append((Claim(pitch_um / apart, by), "spot pitch"))
    if not claims:
        return slide, []
    sources = dict(claims)
    chosen, note = agreed_scale(list(sources), slide.name, decided=given)
    if len(sources) == 1 and not given:
        check_extent(chosen, (slide.width, slide.height), slide.name)
    if chosen.mpp == slide.mpp:
        return slide, [note]
    return slide.with_mpp(chosen.mpp, source=sources[chosen]), [note]


def _left_in(spots: AnnData, slide: Slide) -> tuple[AnnData, list[str]]:
    """The spots on the slide, if few are beyond it, or their format measures more than it shows."""
    there = on_slide(spots, slide)
    outside = int((~there).sum())
    if not outside:
        return spots, []
    if not (there.any() and source_of(spots).beyond_slide) and not are_few(outside, len(there)):
        check_spots(spots, slide)
    return spots[there].copy(), [left_out(outside, len(there))]


def _pitch_notes(spots: AnnData, slide: Slide) -> list[str]:
    if spots.n_obs > 1:
        check_pitch(pitch(spots), slide.mpp, slide.name)
    return []


def _tissue_notes(spots: AnnData, slide: Slide) -> list[str]:
    tissue = tissue_mask(slide)
    if not tissue.mask.any():
        return ["no tissue was detected on the slide, so that it confirms no position"]
    xy = _deep(spots)
    shares = {
        name: float(tissue.contains(places).mean())
        for name, places in arrangements(xy, (slide.width, slide.height)).items()
    }
    if has_counts(spots):
        check_unit(xy, _units(spots, slide), tissue.extent, slide.name)
    return [judge_tissue(shares, len(xy), slide.name, measured=has_counts(spots))]


def _count_notes(spots: AnnData) -> list[str]:
    """That counts came along, and how deep they are."""
    if not has_counts(spots):
        return []
    depth = float(np.median(np.asarray(spots.X.sum(axis=1), dtype=float)))
    return [f"counts: {counted(spots.n_vars, 'gene')}, median {depth:,.0f} molecules per spot"]


def _units(spots: AnnData, slide: Slide) -> dict[str, float]:
    """Pixels per unit in which coordinates may be given by mistake."""
    smaller = {
        f"in pixels of a smaller image ({name} = {factor:.3g})": 1 / factor
        for name, factor in scale_factors(spots).items()
        if factor < 1
    }
    return smaller | ({"in micrometres": 1 / slide.mpp} if slide.mpp else {})


def _deep(spots: AnnData) -> NDArray[np.float64]:
    """Positions of the spots that measured more than background; of all without counts."""
    xy = positions(spots)
    if not has_counts(spots):
        return xy
    depth = np.asarray(spots.X.sum(axis=1), dtype=float).ravel()
    deep: NDArray[np.float64] = xy[depth >= _BACKGROUND * np.median(depth)]
    return deep if len(deep) else xy  # counts may be damaged, which others find out
