"""Options of a prediction's draws, as data that every front end offers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from napari_stem.defaults import N_DRAWS, SAMPLER
from napari_stem.model.diffusion import Prediction
from napari_stem.model.samplers import SAMPLERS, SUITED, Sampler
from napari_stem.options import check_options, option


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """Options of a prediction's draws.

    Attributes
    ----------
    steps
        Network evaluations per draw; None uses as many as the sampler needs.
    depth
        Molecules of a spot that draws stand for; None uses the median of the training spots.
    """

    n_draws: int = option(
        N_DRAWS,
        "Draws per spot",
        "The mean of the draws is the prediction; their spread is its uncertainty.",
        minimum=1,
        maximum=1000,
        flag="draws",
    )
    sampler: str = option(
        SAMPLER,
        "Sampler",
        "Algorithm that turns noise into a draw; automatic takes the fastest one that keeps the "
        "quality: the predictor-corrector for networks that predict velocity (presets small and "
        "large), DPM-Solver++ for those that predict noise.",
        choices=lambda: {SAMPLER: "automatic"} | {s.name: s.label for s in SAMPLERS.values()},
        advanced=True,
    )
    steps: int | None = option(
        None,
        "Steps",
        "Network evaluations per draw; automatic uses as many as the sampler needs to "
        "keep the spread of the draws.",
        kind=int,
        minimum=1,
        maximum=1000,
        unset="automatic",
        advanced=True,
        flag="sampler-steps",
    )
    depth: float | None = option(
        None,
        "Depth",
        "Molecules per spot, all genes together, that draws stand for; give the slide's own if it "
        "is known. Only for checkpoints of counts per 10,000.",
        kind=float,
        unit="molecules",
        minimum=1,
        maximum=1e8,
        step=500,
        unset="that of training",
        advanced=True,
    )
    seed: int = option(
        0,
        "Seed",
        "The same seed gives the same draws for a spot, in any selection of spots.",
        minimum=0,
        maximum=2**32 - 1,
        advanced=True,
    )

    def __post_init__(self) -> None:
        check_options(self)

    def draw_alike(self, other: PredictOptions) -> bool:
        """Whether they give the same draws of any network, of which there may be more or fewer."""
        return all(self.of_a_draw(each) == other.of_a_draw(each) for each in SUITED)

    def of_a_draw(self, predicted: Prediction) -> dict[str, Any]:
        """All that decides a single draw of a network, by name; nothing is automatic there."""
        sampler, steps = self.sampler_for(predicted)
        values = asdict(replace(self, sampler=sampler.name, steps=steps))
        values["depth"] = self.depth or 0.0  # a number, which files can hold
        del values["n_draws"]
        return values

    def sampler_for(self, predicted: Prediction) -> tuple[Sampler, int]:
        """The sampler of a network that predicts noise or velocity, and its evaluations."""
        sampler = SAMPLERS[SUITED[predicted] if self.sampler == SAMPLER else self.sampler]
        return sampler, sampler.steps if self.steps is None else self.steps
