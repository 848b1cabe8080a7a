"""Draws on disk: K draws per spot, written before they are announced."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import zarr
from zarr.codecs import ZstdCodec

from napari_stem.errors import CheckpointError, StorageError
from napari_stem.events import Events, Pace, Progress
from napari_stem.roomy import roomy
from napari_stem.storage import atomic_path, writing
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 256
_ABOUT = "draws.json"


class DrawStore:
    """An array (K, n, c) of float16 in chunks of one draw and a block of spots.

    Undrawn values are NaN. zarr replaces a chunk's file whole, so that a process killed midway
    leaves finished blocks or NaN, and the array itself says where to go on. Each chunk has a
    checksum, so that a damaged one is drawn again or refused, but never read.

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
            Everything that determines the draws; a store is reopened only for the same key.

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
                compressors=ZstdCodec(checksum=True),
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
                "The draws of this prediction are missing or damaged. Predict again. "
                f"Folder: '{path}'."
            ) from error

    @classmethod
    def open_or_create(
        cls, path: Path | None, *, key: str, n_draws: int, n_spots: int, n_genes: int
    ) -> DrawStore:
        """The store of that key with what it holds, grown to `n_draws`; else a new one."""
        found = cls._found(path, key, n_spots, n_genes)
        if found is None:
            try:
                return cls.create(path, key=key, n_draws=n_draws, n_spots=n_spots, n_genes=n_genes)
            except StorageError:
                found = cls._found(path, key, n_spots, n_genes)
                if found is None:  # nor did another program make it at the same moment
                    raise
        found.extend(n_draws)
        return found

    @classmethod
    def _found(cls, path: Path | None, key: str, n_spots: int, n_genes: int) -> DrawStore | None:
        """The store of that key, if it is there and whole."""
        if path is None or not (path / _ABOUT).exists():
            return None
        try:
            same = parse_json((path / _ABOUT).read_text())["key"] == key
            store = cls(path)
        except Exception:  # noqa: BLE001  # damaged: drawing again is safe
            return None
        return store if same and (store.n_spots, store.n_genes) == (n_spots, n_genes) else None

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
        """Keep one draw of a block (b, c).

        Raises
        ------
        CheckpointError
            Values are not finite.
        StorageError
            They cannot be written, or the store was removed.
        """
        if not np.isfinite(values).all():
            raise CheckpointError(
                "The network of the checkpoint gives values that are not finite. Train again, or "
                "get the checkpoint again from its source."
            )
        with writing(self._path):
            if not (self._path / _ABOUT).exists():
                raise self._incomplete()
            self._array[draw, rows] = values.astype(np.float16)

    def has(self, draw: int, rows: slice) -> bool:
        """Whether one draw of a block was kept, and is whole: its checksum tells."""
        try:
            kept = self._array[draw, rows, 0]
        except Exception:  # noqa: BLE001  # zarr and its codecs raise many kinds; drawing again is safe
            return False
        return not np.isnan(kept).any()

    def draw(self, draw: int) -> NDArray[np.float32]:
        """One draw of all spots (n, c).

        Raises
        ------
        StorageError
            As `read`.
        """
        return self._read((draw, slice(None)))

    def read(self, rows: slice = slice(None), draws: slice = slice(None)) -> NDArray[np.float32]:
        """Some draws (k, b, c) of some spots.

        Raises
        ------
        StorageError
            Some of them are missing or damaged.
        """
        return self._read((draws, rows))

    def iter_summary(
        self,
        statistics: Sequence[Callable[[NDArray[np.float32]], NDArray[np.float32]]],
        n_draws: int | None = None,
    ) -> Events[list[NDArray[np.float32]]]:
        """What functions of draws (K, b, c) give, each (n, c), over the first `n_draws`.

        Reads one block at a time, and what is found lies in a file if it is large, so that memory
        use does not depend on n.

        Raises
        ------
        StorageError
            As `read`.
        """
        shape = (len(statistics), self.n_spots, self.n_genes)
        found = list(roomy(shape, self._path.parent))
        pace = Pace()
        for rows in self.blocks():
            if pace.due():
                yield Progress(rows.start, self.n_spots, "summarise")
            draws = self.read(rows, slice(n_draws))
            for values, statistic in zip(found, statistics, strict=True):
                values[rows] = statistic(draws)
        return found

    def _read(self, part: tuple[int | slice, slice]) -> NDArray[np.float32]:
        try:
            values = np.asarray(self._array[part], dtype=np.float32)
        except Exception as error:  # zarr and its codecs raise many kinds
            raise self._incomplete() from error
        if np.isnan(values[..., 0]).any():
            raise self._incomplete()
        return values

    def _incomplete(self) -> StorageError:
        return StorageError(
            "Draws of this prediction are missing or damaged; the cache may have been removed "
            f"meanwhile. Predict again. Folder: '{self._path}'."
        )

    def close(self) -> None:
        """Remove a temporary store; keep the others."""
        if self._temporary:
            shutil.rmtree(self._path.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
