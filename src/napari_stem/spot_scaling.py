"""Spots in the pixels of a smaller picture of their slide, such as Space Ranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem.errors import OptionError, SpotsOutsideSlide
from napari_stem.spots import fitting_scale, library, positions

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.slide import Slide


def scale_spots(spots: AnnData, factor: float) -> AnnData:
    """The same spots in the pixels of a picture `factor` times as large.

    Returns
    -------
    A copy whose positions and scale factors ("…_fullres", "…_scalef") refer to that picture.

    Raises
    ------
    OptionError
        The factor is not a positive number.
    """
    if not 0 < factor < float("inf"):
        raise OptionError(f"spots cannot be scaled by {factor}; a positive number is needed.")
    scaled = spots.copy()
    scaled.obsm["spatial"] = positions(spots) * factor
    entry = dict(scaled.uns["spatial"][library(spots)])
    entry["scalefactors"] = {
        name: value * factor
        if name.endswith("_fullres")
        else value / factor
        if name.endswith("_scalef")
        else value
        for name, value in entry.get("scalefactors", {}).items()
    }
    scaled.uns["spatial"] = {library(spots): entry}
    return scaled


def spots_on_picture(spots: AnnData, picture: Slide) -> AnnData:
    """Spots of a full-resolution slide on a smaller picture of it.

    Raises
    ------
    SpotsOutsideSlide
        No scale factor of the table puts all spots onto the picture.
    """
    found = fitting_scale(spots, picture)
    if found is None:
        raise SpotsOutsideSlide(
            f"no scale factor of the spots fits '{picture.name}' ({picture.width} x "
            f"{picture.height} pixels). Is it a picture of the same section?"
        )
    return scale_spots(spots, found[1])
