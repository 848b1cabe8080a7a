"""What a prediction warns of, such as tissue unlike that its checkpoint was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_stem.text import counted

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import ArrayLike, NDArray

_USUAL = 0.1  # share of foreign spots, as many at the border of any tissue are


class StemWarning(UserWarning):
    """A prediction should not be trusted without a look."""


def warnings_of(prediction: AnnData) -> list[str]:
    """Why a prediction should not be trusted, as display text; mostly nothing."""
    known = np.atleast_1d(prediction.uns.get("napari_stem", {}).get("warnings", ()))
    return [text for text in (foreign_warning(prediction), *map(str, known)) if text]


def foreign_spots(prediction: AnnData) -> int:
    """Number of spots farther from the training tissue than usual; 0 if that is unknown."""
    return int(are_foreign(prediction.obs["ood"]).sum()) if "ood" in prediction.obs else 0


def are_foreign(ood: ArrayLike) -> NDArray[np.bool_]:
    """Which spots are farther than 99 % of those of a left-out section were, by distance (n,)."""
    return np.asarray(ood) > 1


def foreign_warning(prediction: AnnData) -> str:
    """A warning that more spots than usual are foreign, as display text; "" if not so."""
    return foreign_share(foreign_spots(prediction), prediction.n_obs)


def foreign_share(foreign: int, total: int) -> str:
    """That more of `total` spots than usual are foreign, as display text; "" if not so."""
    if foreign <= _USUAL * total:
        return ""
    return (
        f"{foreign:,} of {counted(total, 'spot')} ({100 * foreign / total:.0f} %) differ from the "
        "training tissue; predictions there are unreliable."
    )
