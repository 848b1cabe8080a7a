"""A prediction as docks and layers show it, while it runs and when it is complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.evaluation.measured import SpotAgreement, spot_agreement
from napari_stem.prediction.statistics import (
    STATISTICS,
    colour_limits,
    displayed,
    displayed_unit,
)
from napari_stem.prediction.trust import are_foreign, foreign_share, warnings_of
from napari_stem.spots.provenance import origin, provenance
from napari_stem.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.request import PredictRequest
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The values of a prediction by statistic.

    Attributes
    ----------
    unit
        Unit of the values, for example "log2(count + 1)".
    values
        (n, c) arrays by statistic; while the prediction runs, only the mean and "ood".
    prediction
        The complete prediction; None while it runs, and after it stopped early.
    request
        Input and settings; None if the prediction was read from a file.
    threshold
        Threshold of P(above threshold), in `unit`; None before that statistic was computed.
    agreement
        With the measured values; None while it runs, and where the spots have none.
    """

    slide: Slide
    spots: AnnData
    genes: tuple[str, ...]
    unit: str
    values: Mapping[str, NDArray[np.float32]]
    n_draws: int
    prediction: AnnData | None = None
    request: PredictRequest | None = None
    threshold: float | None = None
    agreement: SpotAgreement | None = None
    _limits: dict[tuple[str | None, ...], tuple[float, float]] = field(
        default_factory=dict, init=False
    )

    @classmethod
    def of_prediction(
        cls, slide: Slide, prediction: AnnData, request: PredictRequest | None = None
    ) -> Result:
        """The result of a complete prediction, whose rows are the spots."""
        made = provenance(prediction, "unit", "n_draws")
        values = {name: prediction.layers[name] for name in STATISTICS if name in prediction.layers}
        ood = prediction.obs["ood"].to_numpy(np.float32) if "ood" in prediction.obs else None
        return cls(
            slide=slide,
            spots=prediction,
            genes=tuple(prediction.var_names),
            unit=str(made["unit"]),
            values={"mean": prediction.X, **values, **per_gene(ood, prediction.n_vars)},
            n_draws=int(made["n_draws"]),
            prediction=prediction,
            request=request,
            threshold=float(made["threshold"]) if "threshold" in made else None,
            agreement=spot_agreement(prediction),
        )

    def of(self, gene: str, statistic: str) -> NDArray[np.float32]:
        """(n,) values of one gene, as they are displayed."""
        return displayed(self._of(gene, statistic))

    def limits(self, gene: str | None, statistic: str) -> tuple[float, float]:
        """Contrast limits of one gene, or of all genes if `gene` is None; extremes are cut off.

        Predicted and measured values share their limits, so that they can be compared. Spots
        unlike the training tissue do not count.
        """
        entry = STATISTICS[statistic]
        if entry.limits is not None:
            return entry.limits
        shown = {"mean", "truth"} & set(self.values) if entry.is_value else {statistic}
        key = gene, *sorted(shown)
        if key not in self._limits:
            columns = slice(None) if gene is None else self.genes.index(gene)
            rows = slice(None) if self.foreign.all() or not self.foreign.any() else ~self.foreign
            parts = [self.values[name][:, columns][rows] for name in shown]
            self._limits[key] = colour_limits(parts, lowest=0)
        return self._limits[key]

    def has(self, gene: str, statistic: str) -> bool:
        """Whether it has values of a gene and a statistic."""
        return gene in self.genes and statistic in self.values

    def is_at(self, spots: AnnData) -> bool:
        """Whether its spots have these positions, in this order."""
        return np.array_equal(self.spots.obsm["spatial"], spots.obsm["spatial"])

    def has_names_of(self, spots: AnnData) -> bool:
        """Whether spots can be matched by name: names are unique, and one name is one position."""
        mine, theirs = self.spots.obs_names, spots.obs_names
        if not (mine.is_unique and theirs.is_unique):
            return False
        there = theirs.get_indexer(mine)
        both = there >= 0
        here = self.spots.obsm["spatial"][both]
        return np.allclose(here, spots.obsm["spatial"][there[both]])

    def has_draws_of(self, other: Result) -> bool:
        """Whether it summarises the same draws as the other result, perhaps by more statistics."""
        return self.values["mean"] is other.values["mean"]

    def continues(self, other: Result) -> bool:
        """Whether it is the other result with more statistics or more draws."""
        if self.has_draws_of(other):
            return True
        if self.request is None or other.request is None:
            return False
        return self.request.continues(other.request)

    def can_show(self, statistic: str) -> bool:
        """Whether a statistic is there, or can be computed from the stored draws."""
        return statistic in self.values or (
            self.prediction is not None
            and STATISTICS[statistic].on_demand
            and "draws" in self.prediction.uns["napari_stem"]
        )

    def name(self, statistic: str) -> str:
        """The label of a statistic, with its threshold if it has one."""
        return STATISTICS[statistic].title(self.threshold)

    @property
    def warnings(self) -> list[str]:
        """Why the prediction should not be trusted, as display text."""
        if self.prediction is not None:
            return warnings_of(self.prediction)
        told = foreign_share(int(self.foreign.sum()), self.spots.n_obs)
        return [told] if told else []

    @property
    def checkpoint_name(self) -> str:
        """What its checkpoint is called; "" if that is not known."""
        if self.request is not None:
            return self.request.checkpoint.path.stem
        return "" if self.prediction is None else origin(self.prediction).checkpoint

    @property
    def foreign(self) -> NDArray[np.bool_]:
        """(n,) which spots are unlike the training tissue, as far as is known."""
        if "ood" not in self.values:
            return np.zeros(self.spots.n_obs, bool)
        return are_foreign(self.values["ood"][:, 0])

    def name_of(self, gene: str, statistic: str) -> str:
        """What a heatmap shows, in a few words."""
        name = self.name(statistic)
        return name if STATISTICS[statistic].scale else f"{gene} {name}"

    def title(self, gene: str, statistic: str) -> str:
        """The canvas title: gene, statistic, number of draws and unit."""
        if scale := STATISTICS[statistic].scale:
            return f"{self.name(statistic)}\n{scale}"
        entry, of_draws = STATISTICS[statistic], f" of {counted(self.n_draws, 'draw')}"
        of_draws = of_draws if entry.of_draws else ""
        unit = self.unit_of([(gene, statistic)])
        unit = f"threshold in {unit}" if entry.takes_threshold else unit
        return f"{gene}: {self.name(statistic)}{of_draws}\n{unit}"

    def unit_of(self, heatmaps: Sequence[tuple[str, str]]) -> str:
        """The unit of the values of genes and statistics, as they are displayed."""
        shown = [self._of(gene, statistic) for gene, statistic in heatmaps]
        return displayed_unit(self.unit, np.concatenate(shown))

    def _of(self, gene: str, statistic: str) -> NDArray[np.float32]:
        return self.values[statistic][:, self.genes.index(gene)]


def per_gene(ood: NDArray[np.float32] | None, n_genes: int) -> dict[str, NDArray[np.float32]]:
    """Distances (n,) to the training tissue as a statistic, the same for all genes, if known."""
    if ood is None:
        return {}
    return {"ood": np.broadcast_to(ood[:, None], (len(ood), n_genes))}
