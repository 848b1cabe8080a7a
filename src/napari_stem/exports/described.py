"""What files of heatmaps state about their prediction, so that they open as one again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.spots.provenance import check_record, provenance
from napari_stem.spots.table import library, spot_diameter, spot_table

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_ABOUT = "napari_stem"
_NEEDED = ("unit", "n_draws", "slide", "slide_fingerprint", "mpp")
_OF_DRAWS = ("draws", "drawn_for")  # which belong to values that were not rounded


def description(prediction: AnnData) -> dict[str, Any]:
    """How a prediction was made, its genes, and the size of its spots, for JSON."""
    about = provenance(prediction)
    return {
        "about": {name: _plain(about[name]) for name in about if name not in _OF_DRAWS},
        "genes": list(map(str, prediction.var_names)),
        "library": library(prediction),
        "diameter": float(spot_diameter(prediction)),
    }


def described(
    stated: dict[str, Any],
    names: Sequence[str],
    xy: NDArray[np.float64],
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
) -> AnnData:
    """The prediction of a description and the values of its spots.

    Parameters
    ----------
    names, xy
        (n,) names of the spots and (n, 2) their centres in level-0 pixels.
    mean, std
        (n, c) values in the order of the description's genes.

    Raises
    ------
    KeyError, TypeError, ValueError
        The description is damaged, or does not fit the values.
    """
    about = dict(stated["about"])
    if lacking := [name for name in _NEEDED if name not in about]:
        raise ValueError(f"its description lacks {', '.join(lacking)}")
    table = spot_table(
        xy,
        diameter_px=float(stated["diameter"]),
        ids=list(names),
        counts=mean,
        genes=list(map(str, stated["genes"])),
        library=str(stated["library"]),
    )
    table.layers["std"] = std
    table.uns[_ABOUT] = about
    check_record(table)
    table.var["mean"] = mean.mean(axis=0, dtype=np.float64)
    table.var["variance"] = mean.var(axis=0, dtype=np.float64)
    return table


def _plain(value: Any) -> Any:
    """A value of a table as JSON knows it."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
