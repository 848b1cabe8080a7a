"""Results as docks and layers see them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.prediction.statistics import STATISTICS, colour_limits
from napari_stem.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem._napari.state.request import PredictRequest
    from napari_stem.slides.slide import Slide


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What is known of a prediction, while it runs and afterwards.

    Attributes
    ----------
    unit
        Of the values, for people.
    values
        (n, c) arrays by statistic; the mean alone while draws still arrive.
    prediction
        The whole; None while draws still arrive, or where they were stopped.
    request
        What it was asked for with; None where it was read from a file.
    threshold
        That of P(above threshold), in the unit of the values; None until that was computed.
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
    _limits: dict[tuple[str | None, ...], tuple[float, float]] = field(default_factory=dict)

    @classmethod
    def of_prediction(
        cls, slide: Slide, prediction: AnnData, request: PredictRequest | None = None
    ) -> Result:
        """All of a finished prediction; its rows are its spots."""
        made = prediction.uns["napari_stem"]
        values = {name: prediction.layers[name] for name in STATISTICS if name in prediction.layers}
        return cls(
            slide=slide,
            spots=prediction,
            genes=tuple(prediction.var_names),
            unit=str(made["unit"]),
            values={"mean": prediction.X, **values},
            n_draws=int(made["n_draws"]),
            prediction=prediction,
            request=request,
            threshold=float(made["threshold"]) if "threshold" in made else None,
        )

    def of(self, gene: str, statistic: str) -> NDArray[np.float32]:
        """(n,) values of one gene."""
        return self.values[statistic][:, self.genes.index(gene)]

    def limits(self, gene: str | None, statistic: str) -> tuple[float, float]:
        """Values at the ends of the colours: of all but the extreme spots of one gene, or of all.

        A prediction and what was measured share them, so that they can be compared.
        """
        entry = STATISTICS[statistic]
        if entry.limits is not None:
            return entry.limits
        shown = {"mean", "truth"} & set(self.values) if entry.is_value else {statistic}
        key = gene, *sorted(shown)
        if key not in self._limits:
            columns = slice(None) if gene is None else self.genes.index(gene)
            self._limits[key] = colour_limits([self.values[name][:, columns] for name in shown])
        return self._limits[key]

    def is_at(self, spots: AnnData) -> bool:
        """Whether its spots are these, in this order."""
        return np.array_equal(self.spots.obsm["spatial"], spots.obsm["spatial"])

    def has_names_of(self, spots: AnnData) -> bool:
        """Whether names tell its spots among these: a name means one place, here and there."""
        mine, theirs = self.spots.obs_names, spots.obs_names
        if not (mine.is_unique and theirs.is_unique):
            return False
        there = theirs.get_indexer(mine)
        both = there >= 0
        here = self.spots.obsm["spatial"][both]
        return np.allclose(here, spots.obsm["spatial"][there[both]])

    def continues(self, other: Result) -> bool:
        """Whether it is the other with more statistics or more draws."""
        if self.prediction is not None and self.prediction is other.prediction:
            return True
        if self.request is None or other.request is None:
            return False
        return self.request.continues(other.request)

    def can_show(self, statistic: str) -> bool:
        """Whether a statistic is known, or can be computed from the draws."""
        return statistic in self.values or (
            self.prediction is not None
            and STATISTICS[statistic].on_demand
            and "draws" in self.prediction.uns["napari_stem"]
        )

    def with_values(self, statistic: str, values: NDArray[np.float32]) -> Result:
        """The same with one more statistic."""
        return replace(self, values={**self.values, statistic: values}, _limits={})

    def name(self, statistic: str) -> str:
        """A statistic as people call it, with its threshold if it has one."""
        return STATISTICS[statistic].title(self.threshold)

    def foreign(self) -> int:
        """Spots that look unlike 99 % of the training spots; 0 as long as nothing is known."""
        if self.prediction is None or "ood" not in self.prediction.obs:
            return 0
        return int((self.prediction.obs["ood"] > 1).sum())

    def title(self, gene: str, statistic: str) -> str:
        """What a picture of these values must say."""
        entry, of_draws = STATISTICS[statistic], f" of {counted(self.n_draws, 'draw')}"
        of_draws = of_draws if entry.of_draws else ""
        unit = f"threshold in {self.unit}" if entry.takes_threshold else self.unit
        return f"{gene}: {self.name(statistic)}{of_draws}\n{unit}"
