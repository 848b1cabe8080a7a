"""What a prediction tells of how it was made."""

from __future__ import annotations

from typing import Any

from anndata import AnnData

from napari_stem.errors import WrongType


def provenance(prediction: AnnData, *needed: str) -> dict[str, Any]:
    """How a prediction was made: its `uns["napari_stem"]`.

    Parameters
    ----------
    needed
        Keys that it must have.

    Raises
    ------
    WrongType
        The table is no prediction, or one that lacks these keys.
    """
    about = prediction.uns.get("napari_stem") if isinstance(prediction, AnnData) else None
    lacking = [key for key in needed if key not in (about or {})]
    if about is None or lacking:
        where = f"uns['napari_stem']{f'[{lacking[0]!r}]' if about is not None else ''}"
        raise WrongType(
            f"The table is no prediction of napari-stem: it lacks {where}. Use what predict "
            "returns, or a prediction that was written as .h5ad or .zarr."
        )
    found: dict[str, Any] = about
    return found
