"""Draws on disk: K realisations a spot, written before anybody hears of them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import zarr

from napari_stem.errors import StorageError
from napari_stem.storage import atomic_path, writing

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 256
_ABOUT = "draws.json"


class DrawStore:
    """An array (K, n, c) of float16 in chunks of one draw and a block of spots.

    Undrawn values are NaN. zarr replaces a chunk's file whole, so that a process killed midway
    leaves finished blocks or NaN, and the array itself says where to go on.

    Attributes
    ----------
    n_draws, n_spots, n_genes
        K, n and c.
    rows
        Spots of a block.
    """

    def __init__(self, path: Path, *, temporary: bool = False) -> None:
        self._path = path
        self._temporary = temporary
        self._array: Any = zarr.open_array(path / "draws", mode="r+")
        self.n_draws, self.n_spots, self.n_genes = self._array.shape
        self.rows = int(self._array.chunks[1])

    @classmethod
    def create(
        cls, path: Path | None, *, key: str, n_draws: int, n_spots: int, n_genes: int
    ) -> DrawStore:
        """A new store; without a path it vanishes when closed.

        Parameters
        ----------
        key
            Whatever decides the draws; a store is opened again only for the same key.

        Raises
        ------
        StorageError
            The folder cannot be written.
        """
        temporary = path is None
        path = path or Path(tempfile.mkdtemp(prefix="napari-stem-")) / "draws"
        with atomic_path(path) as draft:
            zarr.create_array(
                draft / "draws", shape=(n_draws, n_spots, n_genes), dtype="f2",
                chunks=(1, min(_ROWS, n_spots), n_genes), fill_value=np.nan,
            )  # fmt: skip
            (draft / _ABOUT).write_text(json.dumps({"key": key}))
        return cls(path, temporary=temporary)

    @classmethod
    def open(cls, path: Path) -> DrawStore:
        """The store at a path.

        Raises
        ------
        StorageError
            There is none, or it is damaged.
        """
        try:
            return cls(path)
        except Exception as error:  # zarr raises many kinds
            raise StorageError(
                f"the draws at '{path}' are gone or damaged. Predict again to make them."
            ) from error

    @classmethod
    def open_or_create(
        cls, path: Path | None, *, key: str, n_draws: int, n_spots: int, n_genes: int
    ) -> DrawStore:
        """The store of that key with what it holds, grown to `n_draws`; else a new one."""
        sizes = {"n_spots": n_spots, "n_genes": n_genes}
        if path is not None and (path / _ABOUT).exists():
            try:
                same = json.loads((path / _ABOUT).read_text())["key"] == key
                store = cls(path)
                if same and (store.n_spots, store.n_genes) == (n_spots, n_genes):
                    store.extend(n_draws)
                    return store
            except StorageError:
                raise
            except Exception:  # noqa: BLE001  # damaged: drawing again is safe
                pass
        return cls.create(path, key=key, n_draws=n_draws, **sizes)

    def extend(self, n_draws: int) -> None:
        """Make room for at least `n_draws`; what is there stays."""
        if n_draws > self.n_draws:
            with writing(self._path):
                self._array.resize((n_draws, self.n_spots, self.n_genes))
            self.n_draws = n_draws

    def blocks(self) -> Iterator[slice]:
        """The spots of each block, in order."""
        for start in range(0, self.n_spots, self.rows):
            yield slice(start, min(start + self.rows, self.n_spots))

    def write(self, draw: int, rows: slice, values: NDArray[np.float32]) -> None:
        """Keep one draw of a block (b, c)."""
        with writing(self._path):
            self._array[draw, rows] = values.astype(np.float16)

    def has(self, draw: int, rows: slice) -> bool:
        """Whether one draw of a block was kept."""
        return not np.isnan(self._array[draw, rows, 0]).any()

    def draw(self, draw: int) -> NDArray[np.float32]:
        """One realisation of all spots (n, c)."""
        return np.asarray(self._array[draw], dtype=np.float32)

    def read(self, rows: slice = slice(None), n_draws: int | None = None) -> NDArray[np.float32]:
        """Draws (K, b, c) of some spots."""
        return np.asarray(self._array[:n_draws, rows], dtype=np.float32)

    def summary(
        self, quantiles: tuple[float, ...] = (), n_draws: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], list[NDArray[np.float32]]]:
        """Mean, standard deviation and quantiles over draws, each (n, c).

        Reads one block at a time: memory holds K x block x c numbers, whatever n is.
        """
        shape = (self.n_spots, self.n_genes)
        mean, std = np.empty(shape, np.float32), np.empty(shape, np.float32)
        cuts = [np.empty(shape, np.float32) for _ in quantiles]
        for rows in self.blocks():
            draws = self.read(rows, n_draws)
            mean[rows], std[rows] = draws.mean(axis=0), draws.std(axis=0)
            for cut, values in zip(cuts, at_quantiles(draws, quantiles), strict=True):
                cut[rows] = values
        return mean, std, cuts

    def statistic(
        self,
        function: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        n_draws: int | None = None,
    ) -> NDArray[np.float32]:
        """(n, c) numbers that a function of draws (K, b, c) gives, one block at a time."""
        return np.concatenate([function(self.read(rows, n_draws)) for rows in self.blocks()])

    def close(self) -> None:
        """Remove a temporary store; keep the others."""
        if self._temporary:
            shutil.rmtree(self._path.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def median(draws: NDArray[np.float32]) -> NDArray[np.float32]:
    """(b, c) of draws (K, b, c)."""
    return np.asarray(np.median(draws, axis=0), dtype=np.float32)


def mode(draws: NDArray[np.float32]) -> NDArray[np.float32]:
    """Half-sample mode (b, c) of draws (K, b, c): where they lie closest (Bickel 2006).

    The half of the draws that spans the least is taken again and again, until one or two are
    left.
    """
    part = np.sort(draws, axis=0)
    while len(part) > 2:
        half = (len(part) + 1) // 2
        spans = part[half - 1 :] - part[: len(part) - half + 1]
        first = spans.argmin(axis=0)
        part = np.take_along_axis(part, first[None] + np.arange(half)[:, None, None], axis=0)
    return np.asarray(part.mean(axis=0), dtype=np.float32)


def share_above(draws: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """(b, c) share of draws (K, b, c) above a threshold: P(gene > threshold)."""
    return np.asarray((draws > threshold).mean(axis=0), dtype=np.float32)


def at_quantiles(draws: NDArray[np.float32], q: tuple[float, ...]) -> NDArray[np.float32]:
    """(q, b, c) quantiles of draws (K, b, c): Weibull's, as a further draw would fall.

    See `metrics.coverage`.
    """
    return np.quantile(draws, q, axis=0, method="weibull")
