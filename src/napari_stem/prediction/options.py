"""Options of a prediction's draws, as data that every front end offers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from napari_stem.defaults import N_DRAWS, SAMPLER
from napari_stem.errors import OptionError
from napari_stem.model.diffusion_config import DiffusionConfig
from napari_stem.model.samplers import FEW_STEPS, SAMPLERS, SUITED, Sampler
from napari_stem.options import check_options, option
from napari_stem.text import counted


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
        "large), DPM-Solver++ for those that predict noise, DDIM for distilled ones.",
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
    precision: Literal["32-true", "bf16-mixed"] = option(
        "32-true",
        "Precision",
        "Numerical precision of encoders and network; mixed precision is faster on GPUs with "
        "bfloat16, for large networks also on CPUs with it. Draws change by about a hundredth.",
        choices={"32-true": "float32", "bf16-mixed": "bfloat16 and float32"},
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

    @property
    def bfloat16(self) -> bool:
        """Whether matrix products are computed in bfloat16."""
        return self.precision == "bf16-mixed"

    def draw_alike(self, other: PredictOptions) -> bool:
        """Whether they give the same draws of any network, of which there may be more or fewer."""
        kinds = [DiffusionConfig(prediction=each) for each in SUITED]
        return all(self.of_a_draw(each) == other.of_a_draw(each) for each in kinds)

    def of_a_draw(self, diffusion: DiffusionConfig) -> dict[str, Any]:
        """All that decides a single draw of a network, by name; nothing is automatic there."""
        sampler, steps = self.sampler_for(diffusion)
        values = asdict(replace(self, sampler=sampler.name, steps=steps))
        values["depth"] = self.depth or 0.0  # a number, which files can hold
        del values["n_draws"]
        return values

    def sampler_for(self, diffusion: DiffusionConfig) -> tuple[Sampler, int]:
        """The sampler that suits what a network predicts, or the chosen one, and its evaluations.

        Raises
        ------
        OptionError
            The network was distilled to other evaluations than those that were chosen.
        """
        if diffusion.evaluations is not None:
            self._check_distilled(diffusion.evaluations)
            return FEW_STEPS, diffusion.evaluations
        suited = SUITED[diffusion.prediction]
        sampler = SAMPLERS[suited if self.sampler == SAMPLER else self.sampler]
        return sampler, sampler.steps if self.steps is None else self.steps

    def _check_distilled(self, evaluations: int) -> None:
        if self.sampler in (SAMPLER, FEW_STEPS.name) and self.steps in (None, evaluations):
            return
        raise OptionError(
            f"The checkpoint was distilled to {counted(evaluations, 'evaluation')} per draw, with "
            "which alone it can draw. Leave sampler and steps automatic, or choose the checkpoint "
            "that it was distilled from."
        )
