"""A prediction made once more from what it records, and compared with itself value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import CheckpointMismatch, OptionError, SpotsContradictSlide
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.predict import iter_predict
from napari_stem.prediction.statistics import ON_DEMAND, STATISTICS, THRESHOLD
from napari_stem.spots.provenance import provenance, software_versions
from napari_stem.spots.table import library, positions, spot_diameter, spot_table
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.events import Events
    from napari_stem.features.compute import Compute
    from napari_stem.slides.slide import Slide

ROUNDING = 1e-3  # what other shapes of batches, devices and versions of libraries may change


@dataclass(frozen=True, slots=True)
class Difference:
    """How far a statistic of two predictions of the same spots and genes differs.

    Attributes
    ----------
    statistic
        Name, as in `statistics.STATISTICS`; "ood" for the distance to the training data.
    changed
        Share of the values that differ at all.
    beyond
        Share of those that differ by more than `ROUNDING`.
    most
        The largest difference, and the spot and gene where it is ("" for a value of a spot).
    """

    statistic: str
    changed: float
    beyond: float
    most: float
    spot: str
    gene: str = ""


def recorded_checkpoint(prediction: AnnData, folder: Path) -> Path:
    """The checkpoint of a prediction, where it was or in another folder.

    Raises
    ------
    OptionError
        The prediction does not tell, or the file is gone.
    """
    told = str(provenance(prediction).get("checkpoint_path", ""))
    for path in (Path(told), folder / Path(told).name):
        if told and path.exists():
            return path
    why = f"it is no longer at '{told}'" if told else "the prediction does not tell where it is"
    raise OptionError(f"The checkpoint of the prediction was not found: {why}. Name its file.")


def recorded_options(prediction: AnnData) -> PredictOptions:
    """How the draws of a prediction were made.

    Raises
    ------
    OptionError
        The record is incomplete or damaged.
    """
    about = provenance(prediction)
    names = [each.name for each in fields(PredictOptions) if each.name in about]
    values = {name: np.asarray(about[name]).item() for name in names}
    return PredictOptions(**values | {"depth": values.get("depth") or None})


def iter_rerun(
    prediction: AnnData, slide: Slide, checkpoint: Checkpoint, compute: Compute
) -> Events[AnnData]:
    """Predict once more what a prediction records: its spots, draws, statistics and threshold.

    Parameters
    ----------
    slide
        At the scale that the prediction records.

    Raises
    ------
    SpotsContradictSlide, CheckpointMismatch
        The prediction was made from another slide or checkpoint.
    """
    about = provenance(prediction, "n_draws", "slide_fingerprint")
    if about["slide_fingerprint"] != slide.fingerprint:
        raise SpotsContradictSlide(
            f"The prediction was made on another slide than '{slide.name}', or on another "
            "version of the file. Name the slide it was made on."
        )
    if about.get("checkpoint", checkpoint.fingerprint) != checkpoint.fingerprint:
        raise CheckpointMismatch(
            "The prediction was made with another checkpoint, or with another version of the "
            "file. Name the checkpoint it was made with."
        )
    spots = spot_table(
        positions(prediction),
        diameter_px=spot_diameter(prediction),
        ids=list(prediction.obs_names),
        library=library(prediction),
    )
    further = [name for name in ON_DEMAND if name in prediction.layers]
    threshold = float(about.get("threshold", THRESHOLD))
    return (
        yield from iter_predict(
            slide, spots, checkpoint, recorded_options(prediction), compute,
            statistics=further, threshold=threshold,
        )
    )  # fmt: skip


def differences(first: AnnData, second: AnnData) -> Iterator[Difference]:
    """Each statistic that two predictions of the same spots share, and how far it differs.

    Genes that only one of them has are left out, as in files of a part of the genes.
    """
    genes = [gene for gene in first.var_names if gene in second.var_names]
    ours, theirs = first[:, genes], second[:, genes]
    yield _difference("mean", ours.X, theirs.X, ours, genes)
    for name in STATISTICS:
        if name in ours.layers and name in theirs.layers:
            yield _difference(name, ours.layers[name], theirs.layers[name], ours, genes)
    if "ood" in ours.obs and "ood" in theirs.obs:
        before, now = (table.obs["ood"].to_numpy()[:, None] for table in (ours, theirs))
        yield _difference("ood", before, now, ours, [""])


def changed_versions(prediction: AnnData) -> dict[str, tuple[str, str]]:
    """Packages whose version differs from the recorded one, with both versions."""
    recorded = parse_json(str(provenance(prediction).get("versions", "{}")))
    now = software_versions()
    return {
        name: (str(recorded[name]), now[name])
        for name in now
        if isinstance(recorded, dict) and recorded.get(name, now[name]) != now[name]
    }


def _difference(
    name: str, first: NDArray[np.float32], second: NDArray[np.float32], table: AnnData,
    genes: list[str],
) -> Difference:  # fmt: skip
    apart = np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64))
    apart[np.isnan(first) & np.isnan(second)] = 0
    apart[np.isnan(apart)] = np.inf
    row, column = np.unravel_index(int(apart.argmax()), apart.shape)
    return Difference(
        name,
        float((apart > 0).mean()),
        float((apart > ROUNDING).mean()),
        float(apart[row, column]),
        str(table.obs_names[row]),
        genes[column],
    )
