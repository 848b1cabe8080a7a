"""Published experiments as files: what is held out, how is trained, and what others measured.

A protocol is a TOML file of settings of `TrainPlan`; those of the paper lie in `protocols/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.defaults import ENCODERS
from napari_stem.errors import OptionError
from napari_stem.evaluation.comparison import MODEL, pooled
from napari_stem.evaluation.scoring import score
from napari_stem.events import finish
from napari_stem.prediction.kept_draws import draws_of
from napari_stem.prediction.predict import iter_add_statistics
from napari_stem.text import a_few, one_line
from napari_stem.training.plan import PanelChoice, SectionSource, TrainPlan
from napari_stem.training.run import iter_run
from napari_stem.training.run_folder import create_run
from napari_stem.validation import validated

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation
    from napari_stem.evaluation.metrics import Scores
    from napari_stem.events import Events

OURS = "ours"
FOLDER = Path(__file__).parents[1] / "protocols"


@dataclass(frozen=True, slots=True)
class Protocol:
    """An experiment.

    Attributes
    ----------
    held_out
        Names of the sections to predict; all others of the data are trained on.
    settings
        Of `TrainPlan`; `panel` and `fit` are tables.
    variants
        Settings that replace these, by the name of an ablation's row.
    statistics
        Of the draws, of which each is a row beside the mean.
    paper
        Published metrics by method, or by the row of an ablation; none where they are not given.
    """

    title: str
    held_out: list[str]
    settings: dict[str, Any] = field(default_factory=dict)
    variants: dict[str, dict[str, Any]] = field(default_factory=dict)
    statistics: list[str] = field(default_factory=list)
    paper: dict[str, dict[str, float]] = field(default_factory=dict)

    def plans(self, data: Sequence[SectionSource], **given: Any) -> dict[str, TrainPlan]:
        """A plan a row; `given` replaces settings of each, also `held_out`, `genes` and `steps`.

        Raises
        ------
        OptionError
            A held-out section is not in the data, nothing else is, or a setting is wrong.
        """
        held_out = given.pop("held_out", None) or self.held_out
        if missing := set(held_out) - {source.name for source in data}:
            raise OptionError(
                f"The data has no section {a_few(sorted(missing))} to hold out; it has "
                f"{a_few(source.name for source in data)}. Choose the folder of all sections."
            )
        tested = tuple(source for source in data if source.name in held_out)
        known = tuple(source for source in data if source.name not in held_out)
        return {
            name: _plan(known, tested, {**self.settings, **changed, **given})
            for name, changed in (self.variants or {"": {}}).items()
        }


def protocols() -> list[str]:
    """Names of the protocols that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_protocol(name: str | Path) -> Protocol:
    """A protocol of the package by its name, or of a file.

    Raises
    ------
    OptionError
        There is none, or the file is no protocol.
    """
    path = FOLDER / f"{name}.toml" if str(name) in protocols() else Path(name)
    try:
        return validated(Protocol, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise OptionError(
            f"'{name}' is no protocol ({one_line(error)}). Name a TOML file, or one of "
            f"{', '.join(protocols())}."
        ) from error


def iter_protocol(
    protocol: Protocol, plans: Mapping[str, TrainPlan], folder: Path, cache: Path
) -> Events[dict[str, Scores]]:
    """Train and evaluate; each plan has a run folder below `folder`, which resumes if stopped.

    Returns
    -------
    Metrics over the held-out sections, by row.
    """
    rows: dict[str, Scores] = {}
    for name, plan in plans.items():
        run = folder / name if name else folder
        create_run(run, plan)
        result = yield from iter_run(run, cache=cache)
        row = ", ".join(filter(None, (OURS, name)))
        every = pooled([each.comparison for each in result.evaluations])
        rows[row] = every.scores[MODEL]
        for statistic in protocol.statistics:
            found = [_scores(each, statistic, cache) for each in result.evaluations]
            rows[f"{row}, {statistic}"] = _mean(found, result.evaluations)
    return rows


def _plan(
    known: tuple[SectionSource, ...], tested: tuple[SectionSource, ...], settings: dict[str, Any]
) -> TrainPlan:
    panel, fit = ({**settings.pop(name, {})} for name in ("panel", "fit"))
    for part, name, given in ((panel, "n", "genes"), (fit, "steps", "steps")):
        if given in settings:
            part[name] = settings.pop(given)
    try:
        choice = PanelChoice(**panel)
        encoders = tuple(settings.pop("encoders", ENCODERS))
        return TrainPlan(known, tested, panel=choice, encoders=encoders, fit=fit, **settings)
    except TypeError as error:
        raise OptionError(f"A setting of the protocol is wrong: {one_line(error)}.") from error


def _scores(evaluation: Evaluation, statistic: str, cache: Path) -> Scores:
    """Metrics of a statistic of the draws instead of their mean."""
    prediction = evaluation.prediction.copy()
    with closing(draws_of(prediction, cache)) as store:
        finish(iter_add_statistics(prediction, store, [statistic]))
    truth, values = (np.asarray(prediction.layers[name]) for name in ("truth", statistic))
    return score(values, truth)


def _mean(scores: Sequence[Scores], evaluations: Sequence[Evaluation]) -> Scores:
    spots = [evaluation.comparison.n_spots for evaluation in evaluations]
    return {m: float(np.average([s[m] for s in scores], weights=spots)) for m in scores[0]}
