"""How generated tissue looks: regions, glands, fibres, nuclei, and their stains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Field = NDArray[np.floating]

MPP = 0.5
REGIONS = ("tumour", "stroma", "immune", "fat", "glands")

_HAEMATOXYLIN = np.array([0.65, 0.70, 0.29])
_EOSIN = np.array([0.12, 0.92, 0.28])


@dataclass(frozen=True, slots=True)
class _Nucleus:
    """How nuclei of a region look and how densely they lie."""

    spacing_um: float
    long_um: float
    short_um: float
    darkness: float
    variation: float


_NUCLEI = {
    "tumour": _Nucleus(11.0, 4.6, 3.7, 0.62, 0.25),
    "stroma": _Nucleus(19.0, 6.0, 1.5, 0.75, 0.15),
    "immune": _Nucleus(7.0, 2.7, 2.5, 1.15, 0.08),
    "fat": _Nucleus(60.0, 4.0, 1.2, 0.8, 0.1),
    "glands": _Nucleus(6.5, 4.2, 2.4, 0.8, 0.06),
}
_GLAND_UM = 76.0  # between the middles of glands
_LUMEN_UM, _WALL_UM = 15.0, 29.0  # from the middle of a gland to its epithelium, and beyond it
_ANGLES_BETWEEN_FIBRES = 0.35
_ROWS = 64  # of a picture that are made at a time, which fit the processor's cache


def lay_out(
    random: np.random.Generator, size: int
) -> tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_]]:
    """Which region each pixel belongs to, and where there is tissue at all."""
    offsets = {"tumour": 0.35, "stroma": 0.45, "immune": -0.1, "fat": -0.25, "glands": 0.0}
    highest = np.full((size, size), -np.inf, np.float32)
    winner = np.zeros((size, size), np.uint8)
    for i, region in enumerate(REGIONS):
        score = _smooth(random, size, 140) + offsets[region]
        winner[score > highest] = i
        np.maximum(highest, score, out=highest)
    cubes = np.abs(np.mgrid[-1 : 1 : size * 1j]) ** 3
    border = 0.86 + 0.07 * _smooth(random, size, 120)
    tissue = (cubes + cubes[:, None]) ** (1 / 3) < border
    return {name: (winner == i) & tissue for i, name in enumerate(REGIONS)}, tissue


def render(
    random: np.random.Generator,
    regions: dict[str, NDArray[np.bool_]],
    tissue: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """The tissue as a scanner sees it, (h, w, 3) RGB."""
    size = len(tissue)
    soft = {
        name: ndimage.gaussian_filter(mask.astype(np.float32), 4) for name, mask in regions.items()
    }
    grain = _smooth(random, size, 1.5)
    fibres = _fibres(random, size)
    middles = _jittered(random, size, _GLAND_UM / MPP, 0.15)
    wall, lumen = _gland_parts(middles, size)
    eosin = (
        soft["tumour"] * (0.38 + 0.05 * grain)
        + soft["stroma"] * fibres
        + soft["glands"] * (1 - lumen) * (fibres + wall * (0.32 + 0.05 * grain - fibres))
        + soft["immune"] * (0.22 + 0.04 * grain)
        + soft["fat"] * _fat_rims(random, size)
    )
    haematoxylin = soft["tumour"] * 0.10 + soft["immune"] * 0.06 + soft["stroma"] * 0.03
    haematoxylin += soft["glands"] * wall * 0.10
    direction = np.pi * _smooth(random, size, 100)
    for name, mask in regions.items():
        kind = _NUCLEI[name]
        if name == "glands":
            points, turns = _epithelium(random, middles, kind)
        else:
            points, turns = _scattered(random, direction, kind)
        nuclei = _nuclei(random, mask, kind, points, turns)
        haematoxylin = np.maximum(haematoxylin, nuclei)
    stain = random.normal(1, 0.07, 2)
    colours = np.stack([_HAEMATOXYLIN, _EOSIN]) + random.normal(0, 0.02, (2, 3))
    amounts = np.stack([haematoxylin, eosin], axis=-1).astype(np.float32)
    density = amounts @ (stain[:, None] * colours).astype(np.float32)
    glass = np.array([244, 241, 245]) + random.normal(0, 2, 3)
    light = 1 + 0.012 * _smooth(random, size, 300)[..., None]
    density = ndimage.gaussian_filter(density, (0.8, 0.8, 0))
    rgb = np.empty(density.shape, np.uint8)
    for start in range(0, size, _ROWS):
        rows = slice(start, start + _ROWS)
        image = glass * light[rows] * np.exp(-density[rows])
        image += 2.2 * random.standard_normal(image.shape, dtype=np.float32)
        rgb[rows] = np.clip(image, 0, 255, out=image)
    return rgb


def _smooth(random: np.random.Generator, size: int, sigma: float) -> Field:
    """A smooth random field of unit variance, made small and enlarged."""
    step = max(1, int(sigma / 4))
    coarse = random.normal(size=(size // step + 2, size // step + 2)).astype(np.float32)
    coarse = ndimage.gaussian_filter(coarse, sigma / step)
    coarse = (coarse - coarse.mean()) / coarse.std()
    field: Field = coarse if step == 1 else ndimage.zoom(coarse, step, order=1)
    return field[:size, :size]


def _fibres(random: np.random.Generator, size: int) -> Field:
    """Wavy collagen bundles."""
    axis = np.arange(size)
    turn = random.uniform(0, np.pi)
    along = axis * np.cos(turn) + (axis * np.sin(turn))[:, None] + 38 * _smooth(random, size, 90)
    bundle = np.sin(along / 7.5 + 0.9 * _smooth(random, size, 12))
    density: Field = 0.46 + 0.16 * bundle + 0.06 * _smooth(random, size, 2)
    return density


def _fat_rims(random: np.random.Generator, size: int) -> Field:
    """Thin walls between empty fat cells: where two cell centres are equally near."""
    spacing = 45 / MPP
    near = _distances(_jittered(random, size, spacing), size, 2)
    rims: Field = 0.5 * np.exp(-(((near[1] - near[0]) / 5.0) ** 2))
    return rims


def _distances(points: Field, size: int, k: int) -> Field:
    """(k, size, size) pixels to the nearest points, the nearest first, at half resolution."""
    axis = np.arange(0, size, 2)
    coarse = np.stack(np.meshgrid(axis, axis), -1)
    found = KDTree(points).query(coarse.reshape(-1, 2), k=[*range(1, k + 1)])[0]
    planes = found.T.reshape(k, *coarse.shape[:2])
    doubled: Field = planes.repeat(2, axis=1).repeat(2, axis=2)[:, :size, :size]
    return doubled


def _gland_parts(middles: Field, size: int) -> tuple[Field, Field]:
    """How much of each pixel is epithelium, and how much is the hollow of a gland."""
    distance_um = _distances(middles, size, 1)[0] * MPP
    lumen = 1 / (1 + np.exp((distance_um - _LUMEN_UM) * 1.5))
    return 1 / (1 + np.exp((distance_um - _WALL_UM) * 1.5)) - lumen, lumen


def _jittered(random: np.random.Generator, size: int, spacing: float, jitter: float = 0.4) -> Field:
    """Points (m, 2) of a square lattice, each moved at random by a share of the spacing."""
    axis = np.arange(spacing / 2, size, spacing)
    points = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    return points + random.uniform(-jitter, jitter, points.shape) * spacing


def _scattered(
    random: np.random.Generator, direction: Field, kind: _Nucleus
) -> tuple[Field, Field]:
    """Nuclei all over the slide (m, 2), and their angles (m,): neighbours lie alike."""
    points = _jittered(random, len(direction), kind.spacing_um / MPP)
    column, row = np.clip(points.astype(int), 0, len(direction) - 1).T
    return points, direction[row, column] + random.normal(0, _ANGLES_BETWEEN_FIBRES, len(points))


def _epithelium(random: np.random.Generator, middles: Field, kind: _Nucleus) -> tuple[Field, Field]:
    """Nuclei (m, 2) side by side around the hollow of each gland, pointing at it (m,)."""
    radius = (_LUMEN_UM + _WALL_UM) / 2
    around = int(2 * np.pi * radius / kind.spacing_um)
    turns = np.arange(around) * 2 * np.pi / around + random.normal(0, 0.06, (len(middles), around))
    radii = (radius + random.normal(0, 1.5, turns.shape)) / MPP
    offsets = radii[..., None] * np.stack([np.cos(turns), np.sin(turns)], axis=-1)
    return (middles[:, None] + offsets).reshape(-1, 2), turns.ravel()


def _nuclei(
    random: np.random.Generator,
    mask: NDArray[np.bool_],
    kind: _Nucleus,
    points: Field,
    turns: Field,
) -> Field:
    """Haematoxylin of the nuclei at those points that lie in one region."""
    size = len(mask)
    canvas = np.zeros((size, size), np.float32)
    reach = int(1.6 * kind.long_um / MPP) + 2
    whole = ((points > reach) & (points < size - reach - 1)).all(axis=1)
    points, turns = points[whole], turns[whole]
    inside = mask[points[:, 1].astype(int), points[:, 0].astype(int)]
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for (x, y), turn in zip(points[inside], turns[inside], strict=True):
        column, row = int(x), int(y)
        scale = np.exp(random.normal(0, kind.variation))
        along = (u * np.cos(turn) + v * np.sin(turn)) / (kind.long_um / MPP * scale)
        across = (v * np.cos(turn) - u * np.sin(turn)) / (kind.short_um / MPP * scale)
        nucleus = 1 / (1 + np.exp((np.hypot(along, across) - 1) * 9))
        patch = canvas[row - reach : row + reach + 1, column - reach : column + reach + 1]
        np.maximum(patch, nucleus * kind.darkness * random.uniform(0.8, 1.2), out=patch)
    chromatin = 1 + (0.22 if kind.variation > 0.2 else 0.1) * _smooth(random, size, 1.2)
    return canvas * chromatin
