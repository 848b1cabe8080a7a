"""How far draws spread, so that their intervals hold at spots that training never saw."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from napari_stem.errors import OptionError
from napari_stem.evaluation.drawn import ArrayDraws
from napari_stem.evaluation.quick_draws import iter_quick_draws
from napari_stem.evaluation.scoring import Judge
from napari_stem.events import Event, Events, Progress, relay
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.features.compute import Compute
    from napari_stem.prediction.options import PredictOptions
    from napari_stem.sections.paired_data import PairedData

_LEVEL = 0.9
_COVERAGE = "coverage_90"
_LOWEST, _HIGHEST, _ROUNDS = 0.5, 2.0, 6  # of a search that halves: within 0.02
_MOST_SPOTS = 400
_FEWEST_SPOTS = 20
_FEWEST_DRAWS = 20  # intervals of fewer than 19 cannot cover 90 %, however far they spread


def iter_recalibrate(
    checkpoint: Checkpoint, unseen: PairedData, options: PredictOptions, compute: Compute
) -> Events[Checkpoint]:
    """The same checkpoint at the lowest temperature, of 0.5 to 2, at which intervals of 90 % hold.

    That is conformal risk control (Angelopoulos et al., ICLR 2024): of the values of one more spot
    of the same kind, at most a tenth is expected outside. Draws become neither fractions nor
    negative, their mean hardly changes, and spots and genes spread by one factor.

    Parameters
    ----------
    unseen
        Spots that training did not see; of many, some evenly chosen ones are used.
    """
    spots = unseen.some(_MOST_SPOTS)
    n, judge = len(spots.values), Judge(spots.values, samples=0)
    most_missed = (1 - _LEVEL) * (n + 1) / n - 1 / n
    options = replace(options, n_draws=max(options.n_draws, _FEWEST_DRAWS))
    low, high = _LOWEST, _HIGHEST
    for number in range(_ROUNDS):
        middle = (low + high) / 2
        drawing = iter_quick_draws(at_temperature(checkpoint, middle), spots, options, compute)
        draws = yield from relay(drawing, partial(_as_round, number))
        covered = judge.judge(ArrayDraws(draws, antithetic=True)).scores[_COVERAGE]
        if 1 - covered <= most_missed:
            high = middle
        else:
            low = middle
    return at_temperature(checkpoint, high)


def check_enough(n: int) -> None:
    """Refuse to recalibrate intervals with so few held-out spots.

    Raises
    ------
    OptionError
        Too few are held out.
    """
    if n < _FEWEST_SPOTS:
        raise OptionError(
            f"Intervals cannot be recalibrated with {counted(n, 'held-out spot')}; at least "
            f"{_FEWEST_SPOTS} are needed. Hold out more, or train without recalibrating."
        )


def at_temperature(checkpoint: Checkpoint, temperature: float) -> Checkpoint:
    """The same checkpoint with another spread of its draws."""
    diffusion = replace(checkpoint.recipe.diffusion, temperature=round(temperature, 3))
    return replace(checkpoint, recipe=replace(checkpoint.recipe, diffusion=diffusion))


def _as_round(number: int, event: Event) -> Event | None:
    if isinstance(event, Progress):
        done = number * event.total + event.done
        return Progress(done, _ROUNDS * event.total, "recalibrate")
    return None
