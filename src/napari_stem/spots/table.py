"""The spot table: an AnnData whose rows are spots on a slide.

`obs_names` are spot ids; `obsm["spatial"]` is (n, 2), x and y in level-0 pixels, pixel (row r,
column c) covering [c, c + 1) x [r, r + 1); the spot's diameter in pixels stands at
`uns["spatial"][library]["scalefactors"]["spot_diameter_fullres"]`; `X` holds raw counts, or the
table has no genes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from scipy import sparse
from scipy.spatial import KDTree

from napari_stem.errors import CountsError, MissingScale, SpotsError, SpotsOutsideSlide
from napari_stem.spots.coordinates import as_xy, check_finite
from napari_stem.spots.pitch import array_pitch, neighbour_pitch
from napari_stem.spots.visium import DIAMETER_OVER_PITCH
from napari_stem.spots.witnesses import inside
from napari_stem.text import counted, repeated

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_stem.slides.slide import Slide

_FEW_BROKEN = 0.05  # of the values, that a correction of raw counts leaves
_ARRAY_COLUMNS = (["array_x", "array_y"], ["array_col", "array_row"])


def spot_table(
    xy: ArrayLike,
    *,
    diameter_px: float,
    ids: Sequence[str] | None = None,
    counts: Any = None,
    genes: Sequence[str] | None = None,
    library: str = "slide",
) -> AnnData:
    """Make a spot table.

    Parameters
    ----------
    xy
        (n, 2) centres in level-0 pixels.
    diameter_px
        Diameter of a spot in level-0 pixels.
    ids
        Unique names; "spot_0", "spot_1", … otherwise.
    counts
        (n, g) raw counts, sparse or dense.
    genes
        g symbols.

    Raises
    ------
    SpotsError
        There is no spot, a position is not finite, or an id comes twice.
    CountsError
        Counts belong to another number of spots.
    """
    xy = np.asarray(xy, dtype=np.float64)
    if xy.ndim != 2 or xy.shape[1] != 2 or not len(xy):
        raise SpotsError(
            f"At least one spot (x, y) is needed; the coordinates have shape {xy.shape}."
        )
    check_finite(xy)
    if not 0 < diameter_px < np.inf:
        raise SpotsError(f"The spot diameter is {diameter_px:g} px; it must be positive.")
    index = pd.Index(ids if ids is not None else [f"spot_{i}" for i in range(len(xy))], dtype=str)
    if not index.is_unique:
        raise SpotsError(f"Spot ids must be unique. These occur more than once: {repeated(index)}.")
    matrix = sparse.csr_matrix((len(xy), 0), dtype=np.float32) if counts is None else counts
    if matrix.shape[0] != len(xy):
        raise CountsError(
            f"The counts have {matrix.shape[0]:,} rows for {counted(len(xy), 'spot')}; the "
            "numbers must be equal."
        )
    return AnnData(
        matrix,
        obs=pd.DataFrame(index=index),
        var=pd.DataFrame(index=pd.Index(genes if genes is not None else [], dtype=str)),
        obsm={"spatial": xy},
        uns={"spatial": {library: {"scalefactors": {"spot_diameter_fullres": float(diameter_px)}}}},
    )


def positions(spots: AnnData) -> NDArray[np.float64]:
    """(n, 2) centres, x and y in level-0 pixels.

    Raises
    ------
    SpotsError
        The table has no coordinates, or some are not finite.
    """
    if "spatial" not in spots.obsm:
        raise SpotsError("obsm['spatial'] is missing, so the spots have no coordinates on a slide.")
    xy = as_xy(spots.obsm["spatial"])
    if not np.isfinite(xy).all():
        row = np.flatnonzero(~np.isfinite(xy).all(axis=1))[0]
        raise SpotsError(
            f"The coordinates of spot {spots.obs_names[row]} are not finite: {xy[row]}."
        )
    return xy


def library(spots: AnnData) -> str:
    """Name under which `uns["spatial"]` describes the slide.

    Raises
    ------
    SpotsError
        The table describes none, or several.
    """
    names = list(spots.uns.get("spatial", {}))
    if len(names) != 1:
        raise SpotsError(
            f"uns['spatial'] must describe exactly one slide, but describes {len(names)} "
            f"({', '.join(names) or 'none'}). Select the rows of one slide."
        )
    return str(names[0])


def spot_diameter(spots: AnnData) -> float:
    """Diameter of a spot in level-0 pixels.

    Raises
    ------
    SpotsError
        The table does not state it.
    """
    name = library(spots)
    try:
        return float(spots.uns["spatial"][name]["scalefactors"]["spot_diameter_fullres"])
    except (LookupError, TypeError) as error:
        raise SpotsError(
            f"spot_diameter_fullres is missing in uns['spatial']['{name}']['scalefactors']."
        ) from error


def pitch(spots: AnnData) -> float:
    """Distance between neighbouring spots in level-0 pixels.

    It follows from array coordinates in `obs` ("array_x" and "array_y", or "array_col" and
    "array_row") where they exist, otherwise from a lattice fitted to neighbouring spots.

    Raises
    ------
    SpotsError
        There are fewer than two spots.
    """
    xy = positions(spots)
    if len(xy) < 2:
        raise SpotsError("The spot pitch cannot be measured: at least two spots are needed.")
    for columns in _ARRAY_COLUMNS:
        if set(columns) <= set(spots.obs):
            places = spots.obs[columns].apply(pd.to_numeric, errors="coerce").to_numpy(float)
            if np.isfinite(places).all() and (found := array_pitch(places, xy)):
                return found
    return neighbour_pitch(xy)


def mpp_from_pitch(spots: AnnData, pitch_um: float) -> float:
    """Micrometres per pixel of a slide whose array has a known pitch (Visium 100, ST 200)."""
    spacing = pitch(spots)
    if not spacing > 0 or not pitch_um > 0:
        raise MissingScale(
            f"A spot pitch of {spacing:g} px and {pitch_um:g} µm gives no scale; both must be "
            "positive."
        )
    return pitch_um / spacing


def spaced_diameter(xy: NDArray[np.float64]) -> float:
    """Default diameter in pixels for spots without one: discs that nearly touch."""
    if len(xy) < 2:
        raise SpotsError(
            "The diameter of a single spot must be given: add a column diameter, in pixels."
        )
    check_finite(xy)
    return DIAMETER_OVER_PITCH * float(np.median(KDTree(xy).query(xy, k=2)[0][:, 1]))


def has_counts(spots: AnnData) -> bool:
    """Whether the table measured any gene; a prediction measured none."""
    return bool(spots.n_vars) and spots.X is not None and "napari_stem" not in spots.uns


def as_sparse(values: Any) -> sparse.csr_matrix:
    """A matrix of any kind as counts by spot and gene, each in one entry."""
    if not sparse.issparse(values):
        values = np.asarray(values)
        values = values.astype(np.float32) if values.dtype == np.float16 else values
    found = sparse.csr_matrix(values)
    if not found.has_canonical_format:
        found = found.copy()
        found.sum_duplicates()
    return found


def is_raw(values: Any) -> bool:
    """Whether values of any matrix look like raw counts: most are whole, none is negative."""
    counts = as_sparse(values).data
    return bool(np.isfinite(counts).all() and (counts >= 0).all()) and not _fractions(counts)


def _fractions(counts: NDArray[Any]) -> int:
    """How many values are not whole, if more than corrections of raw counts leave; else 0.

    Logarithms and roots of 1 may be 1, so that ones tell nothing.
    """
    telling = np.count_nonzero((counts != 0) & (counts != 1))
    broken = np.count_nonzero(counts % 1)
    few = 2 * broken <= telling or broken <= _FEW_BROKEN * np.count_nonzero(counts)
    return 0 if few else int(broken)


def check_counts(spots: AnnData) -> None:
    """Raise a `CountsError` unless values are raw counts: finite, not negative, whole numbers."""
    counts = as_sparse(spots.X).tocoo()
    wrong = ~np.isfinite(counts.data) | (counts.data < 0)
    if wrong.any():
        first = np.flatnonzero(wrong)[0]
        raise CountsError(
            f"The count of gene {spots.var_names[counts.col[first]]} in spot "
            f"{spots.obs_names[counts.row[first]]} is {counts.data[first]:g}; counts must "
            f"be finite and not negative ({counted(int(wrong.sum()), 'such value')}). Use "
            "raw counts."
        )
    if broken := _fractions(counts.data):
        raise CountsError(
            f"{broken:,} of {np.count_nonzero(counts.data):,} values are not whole numbers, so "
            "the table probably has normalised values. Use raw counts."
        )


def on_slide(spots: AnnData, slide: Slide) -> NDArray[np.bool_]:
    """(n,) whether each spot's centre is on the slide."""
    return inside(positions(spots), (slide.width, slide.height))


def check_spots(spots: AnnData, slide: Slide) -> None:
    """Raise `SpotsOutsideSlide` if a spot's centre is not on the slide."""
    outside = ~on_slide(spots, slide)
    if outside.any():
        xy = positions(spots)
        name = spots.obs_names[np.flatnonzero(outside)[0]]
        x, y = xy[outside][0]
        raise SpotsOutsideSlide(
            f"{int(outside.sum()):,} of {counted(len(xy), 'spot')} lie outside "
            f"'{slide.name}' ({slide.width} x {slide.height} px), for example {name} at "
            f"({x:.0f}, {y:.0f}). {_advice(spots, slide)}"
        )


def _advice(spots: AnnData, slide: Slide) -> str:
    size = slide.width, slide.height
    fits = [
        f"multiplied by {name} = {factor:.4g}"
        for name, factor in scale_factors(spots).items()
        if factor < 1 and inside(positions(spots) * factor, size).all()
    ]
    if fits:
        return (
            f"They would fit {' or '.join(fits)}: this may be a smaller image of their slide. "
            "Predictions need the full-resolution image. To use this one, give it Space "
            "Ranger's file name (tissue_hires_image or tissue_lowres_image)."
        )
    if inside(positions(spots)[:, ::-1], size).all():
        return "They would fit with x and y swapped: check the order of the coordinates."
    return "Check that this is the full-resolution image of these spots."


def scale_factors(spots: AnnData) -> dict[str, float]:
    """Pixels of smaller pictures per level-0 pixel, by the names that the table gives them."""
    entry = spots.uns.get("spatial", {})
    known = next(iter(entry.values())).get("scalefactors", {}) if len(entry) == 1 else {}
    return {
        str(name): float(value)
        for name, value in known.items()
        if str(name).endswith("_scalef")
        and isinstance(value, int | float | np.number)
        and 0 < value < np.inf
    }
