"""Whether a section is held out: its slide, its name and its counts against what was learned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.errors import OptionError
from napari_stem.genes.counts import panel_counts
from napari_stem.genes.panels import genes_of_all

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.sections.section import Section

_TELLING = 20  # molecules of the panel, from which on two spots hardly measure the same
_SAME = 0.9  # of the spots, that two copies of a section share at least
_FEWEST = 3  # spots
_KEPT = 256  # traces that a checkpoint keeps


def why_seen(checkpoint: Checkpoint, section: Section, training: Sequence[Section]) -> str:
    """Why a section is not held out, as display text; "" if nothing tells that it was seen.

    Parameters
    ----------
    training
        What the baselines learn from.
    """
    about, slide = checkpoint.about, section.slide.fingerprint
    if slide in about.get("slides", ()):
        return f"The checkpoint was trained on the slide of '{section.name}'."
    if _were_learned(section, checkpoint):
        return f"The checkpoint was trained on the same counts as those of '{section.name}'."
    if section.name in about.get("sections", ()):
        return f"The checkpoint was trained on a section of the name '{section.name}'."
    if slide in [other.slide.fingerprint for other in training]:
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
    traced = [(section.name, _traces(section, panel)) for section in sections]
    for (one, first), (two, second) in combinations(traced, 2):
        few, many = sorted((first, second), key=len)
        if len(few) >= _FEWEST and np.isin(few, many).mean() > _SAME:
            raise OptionError(
                f"'{two}' has the same counts as '{one}'. Use each section once, either to train "
                "on or held out."
            )


def kept_traces(sections: Sequence[Section], panel: Sequence[str]) -> list[str]:
    """What tells later whether spots are among those of sections: the lowest of their traces."""
    found = np.unique(np.concatenate([_traces(section, panel) for section in sections]))
    return [f"{trace:016x}" for trace in found[:_KEPT]]


def _were_learned(section: Section, checkpoint: Checkpoint) -> bool:
    panel = checkpoint.recipe.panel
    known = np.array([int(text, 16) for text in checkpoint.about.get("traces", ())], np.uint64)
    if not len(known) or len(genes_of_all(panel, [section.spots])) < len(panel):
        return False
    found = _traces(section, panel)
    if len(known) == _KEPT:  # higher ones were not kept
        found = found[found <= known.max()]
    return len(found) >= _FEWEST and bool(np.isin(found, known).mean() > _SAME)


def _traces(section: Section, panel: Sequence[str]) -> NDArray[np.uint64]:
    """(m,) numbers that stand for what spots with enough molecules measured of a panel."""
    counts = panel_counts(section.spots, panel, section.name).astype(np.float32)
    telling = counts[counts.sum(axis=1) >= _TELLING]
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in telling)
    return np.array([int.from_bytes(digest) for digest in digests], dtype=np.uint64)
