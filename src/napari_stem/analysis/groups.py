"""Groups of spots that a user selects and names: clusters of another column of a prediction.

A spot belongs to one group at most. A group that has lost all its spots is gone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_stem.analysis.labels import Clusters, default_colours
from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

_LABELS, _COLOURS = "group", "group_colors"  # as scanpy names colours


def no_groups(n_spots: int) -> Clusters:
    """So many spots, none of them in a group."""
    return Clusters(np.zeros(n_spots, np.uint16), (), ())


def with_group(groups: Clusters, spots: NDArray[np.bool_], name: str) -> Clusters:
    """The groups after spots (n,) have joined one, which is made if there is none of that name.

    Raises
    ------
    OptionError
        The name is empty, or no spot is selected.
    """
    name = " ".join(name.split())
    if not name:
        raise OptionError("A group needs a name.")
    if not spots.any():
        raise OptionError("No spots are selected. Draw a lasso around some first.")
    if name.isdecimal():
        name = f"Group {name}"
    names = groups.names if name in groups.names else (*groups.names, name)
    colours = groups.colours
    if len(names) > len(colours):
        others = (colour for colour in default_colours(len(names)) if colour not in colours)
        colours = (*colours, next(others))
    numbers = np.where(spots, names.index(name) + 1, groups.numbers).astype(np.uint16)
    return _without_empty(Clusters(numbers, names, colours))


def without_group(groups: Clusters, number: int) -> Clusters:
    """The groups without one; its spots are in none."""
    numbers = np.where(groups.numbers == number, 0, groups.numbers).astype(np.uint16)
    return _without_empty(replace(groups, numbers=numbers))


def groups_of(prediction: AnnData) -> Clusters | None:
    """The groups in `obs["group"]`, in the colours of `uns["group_colors"]`; None if it has none.

    A column that was not made by `keep_groups` is an annotation, not groups.
    """
    colours = tuple(map(str, prediction.uns.get(_COLOURS, ())))
    if not colours or _LABELS not in prediction.obs:
        return None
    found = Clusters.of_labels(prediction.obs[_LABELS].astype("category"))
    fit = len(colours) == len(found.names)
    return replace(found, colours=colours) if fit else found


def keep_groups(groups: Clusters, prediction: AnnData) -> None:
    """Write the groups where exports look for them, or remove them if there are none."""
    if groups.names:
        codes = groups.numbers.astype(np.int32) - 1
        prediction.obs[_LABELS] = pd.Categorical.from_codes(codes, pd.Index(groups.names))
        prediction.uns[_COLOURS] = list(groups.colours)
    elif prediction.uns.pop(_COLOURS, None) is not None:
        del prediction.obs[_LABELS]


def _without_empty(groups: Clusters) -> Clusters:
    kept = [number for number, size in enumerate(groups.sizes, start=1) if size]
    new = np.zeros(len(groups.names) + 1, np.uint16)
    new[kept] = np.arange(1, len(kept) + 1)
    return Clusters(
        new[groups.numbers],
        tuple(groups.names[number - 1] for number in kept),
        tuple(groups.colours[number - 1] for number in kept),
    )
