"""How the shown result agrees with the measured values of its spots, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QLabel

from napari_stem.evaluation.metrics import BRIEF, BRIEF_BASELINES
from napari_stem.text import counted

if TYPE_CHECKING:
    from napari_stem._napari.state.result import Result
    from napari_stem.evaluation.metrics import Scores

_TIP = (
    "Predicted and measured values of these spots are compared, in the unit of the prediction. "
    "Below: the same metrics on the held-out tissue of the checkpoint, and those of simpler models."
)


class AgreementLabel(QLabel):
    """Empty and hidden for a result without measured values, and while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        metrics = "\n".join(f"{metric.heading}: {metric.tooltip}" for metric in BRIEF)
        self.setToolTip(f"{_TIP}\n{metrics}")

    def show_of(self, result: Result | None) -> None:
        """Show the agreement of a result."""
        text = "" if result is None else _agreement(result)
        self.setText(text)
        self.setVisible(bool(text))


def _agreement(result: Result) -> str:
    found = result.agreement
    if found is None:
        return ""
    lines = [f"Measured in {counted(found.n_spots, 'spot')}: {_in_words(found.scores)}"]
    if found.seen:
        lines.append(f"⚠ {found.seen} This agreement is too good.")
    lines += [f"Held out, {method}: {_in_words(scores)}" for method, scores in _held_out(result)]
    return "\n".join(lines)


def _held_out(result: Result) -> list[tuple[str, Scores]]:
    """Metrics on held-out tissue, those of the model first, if the checkpoint states them."""
    about = result.request.checkpoint.about if result.request is not None else {}
    model, *others = list(about.get("scores", {}).items()) or [None]
    return [model, *(each for each in others if each[0] in BRIEF_BASELINES)] if model else []


def _in_words(scores: Scores) -> str:
    return ", ".join(
        f"{metric.heading} {scores[metric.name]:.2f}" for metric in BRIEF if metric.name in scores
    )
