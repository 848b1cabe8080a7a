"""The model beside baselines, over all slides of a cohort that were evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.cohort.manifest import read_rows
from napari_stem.cohort.order import METHODS
from napari_stem.reports.metric_files import MAIN
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from napari_stem.evaluation.metrics import Scores


def methods_of(folder: Path) -> dict[str, Scores]:
    """The mean of the metrics of each method, weighted by spots; empty without baselines.

    Genes differ between slides that measured different ones, as in `evaluate`.
    """
    found = list(_documents(folder))
    if not found:
        return {}
    weights = [document["spots"] for document in found]
    return {
        method: {
            name: float(np.average([d["methods"][method][name] for d in found], weights=weights))
            for name in MAIN
        }
        for method in found[0]["methods"]
    }


def _documents(folder: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(folder):
        for name in row.outputs:
            if row.state == "done" and name.endswith(METHODS):
                with suppress(OSError, ValueError):  # of a slide that was removed from the folder
                    yield parse_json((folder / name).read_text(encoding="utf-8"))
