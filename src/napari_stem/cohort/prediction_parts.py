"""Parts of a prediction in an h5ad file: one column, or its picture; the rest stays on disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from anndata.io import read_elem, sparse_dataset
from numpy.typing import NDArray

from napari_stem.errors import PanelError, SpotsError
from napari_stem.io.bounded import check_hdf5
from napari_stem.text import one_line, printable

_OOD = "ood"


class PredictionFile:
    """An open prediction, of which parts are read; made by `opened_prediction`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file

    @property
    def genes(self) -> list[str]:
        """Its genes, in the order of the columns."""
        var = self._file["var"]
        return [str(name) for name in read_elem(var[var.attrs["_index"]])]

    @property
    def unit(self) -> str:
        """What its values are; "" where it does not state that."""
        where = "uns/napari_stem/unit"
        return str(read_elem(self._file[where])) if where in self._file else ""

    def values(self, statistic: str, gene: str) -> NDArray[np.float32]:
        """(n,) values of a statistic at the spots; "ood" has no gene.

        Raises
        ------
        PanelError
            The prediction lacks the gene, or the statistic.
        """
        if statistic == _OOD:
            found = self._part(f"obs/{_OOD}", "distances to the training tissue")
            return np.asarray(read_elem(found), np.float32)
        genes = self.genes
        if gene not in genes:
            raise PanelError(f"The prediction has no gene {printable(gene)}.")
        name = "X" if statistic == "mean" else f"layers/{statistic}"
        matrix: Any = self._part(name, f"statistic '{statistic}'")
        if isinstance(matrix, h5py.Group):
            return np.asarray(sparse_dataset(matrix)[:, [genes.index(gene)]].toarray()[:, 0])
        return np.asarray(matrix[:, genes.index(gene)], np.float32)

    def spots(self) -> AnnData:
        """Its spots without genes, and the picture of their slide."""
        xy = np.asarray(read_elem(self._file["obsm/spatial"]))
        return AnnData(
            obs=pd.DataFrame(index=pd.RangeIndex(len(xy)).astype(str)),
            obsm={"spatial": xy},
            uns={"spatial": read_elem(self._file["uns/spatial"])},
        )

    def _part(self, name: str, what: str) -> Any:
        if name not in self._file:
            raise PanelError(f"The prediction has no {what}.")
        return self._file[name]


@contextmanager
def opened_prediction(path: Path) -> Iterator[PredictionFile]:
    """A prediction's file, to read parts of it.

    Raises
    ------
    SpotsError
        The file is missing or damaged; what is done with it raises this, too.
    """
    try:
        with h5py.File(path) as file:
            check_hdf5(file, path)
            yield PredictionFile(file)
    except (PanelError, SpotsError):
        raise
    except Exception as error:
        raise SpotsError(
            f"The file could not be read as a prediction: {one_line(error)}. File: '{path}'."
        ) from error
