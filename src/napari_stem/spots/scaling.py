"""Spots in the pixels of a smaller picture of their slide, such as Space Ranger's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_stem.errors import OptionError
from napari_stem.spots.table import library, positions

if TYPE_CHECKING:
    from anndata import AnnData


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
        raise OptionError(
            f"The scale factor of the spots is {factor}; it must be a positive number."
        )
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
