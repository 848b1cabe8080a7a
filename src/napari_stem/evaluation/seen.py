"""Whether a section is held out: its slide, its name and its counts against what was learned."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.checkpoints.learned import FEWEST, SAME, traces, why_learned
from napari_stem.errors import OptionError

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.section import Section


def why_seen(checkpoint: Checkpoint, section: Section, training: Sequence[Section]) -> str:
    """Why a section is not held out, as display text; "" if nothing tells that it was seen.

    Parameters
    ----------
    training
        What the baselines learn from.
    """
    if why := why_learned(checkpoint, section.slide, section.spots, section.name):
        return why
    if section.name in checkpoint.about.get("sections", ()):
        return f"The checkpoint was trained on a section of the name '{section.name}'."
    if section.slide.fingerprint in [other.slide.fingerprint for other in training]:
        return f"The slide of '{section.name}' is among the training sections."
    return ""


def check_apart(sections: Sequence[Section], panel: Sequence[str]) -> None:
    """Refuse a section that comes twice, under any name and from any copy of its slide.

    Raises
    ------
    OptionError
        Two sections have the same counts; the message names them.
    SpotsError, CountsError, PanelError
        As `genes.counts.panel_counts`.
    """
    traced = [(section.name, traces(section.spots, panel, section.name)) for section in sections]
    for (one, first), (two, second) in combinations(traced, 2):
        few, many = sorted((first, second), key=len)
        if len(few) >= FEWEST and np.isin(few, many).mean() > SAME:
            raise OptionError(
                f"'{two}' has the same counts as '{one}'. Use each section once, either to train "
                "on or held out."
            )
