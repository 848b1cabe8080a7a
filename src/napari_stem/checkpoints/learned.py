"""What a checkpoint learned from, told by content: its slides, and traces of its counts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_stem.errors import CountsError
from napari_stem.genes.counts import panel_counts
from napari_stem.genes.panels import genes_of_all
from napari_stem.spots.table import has_counts

if TYPE_CHECKING:
    from anndata import AnnData
    from numpy.typing import NDArray

    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.slides.slide import Slide

SAME = 0.9  # of the spots, that two copies of a section share at least
FEWEST = 3  # spots
_TELLING = 20  # molecules of the panel, from which on two spots hardly measure the same
_KEPT = 256  # traces that a checkpoint keeps
_NAMES = ("sections", "slides", "traces")


def why_learned(checkpoint: Checkpoint, slide: Slide, spots: AnnData, name: str) -> str:
    """Why a checkpoint knows these spots, as display text; "" if their content tells nothing.

    Parameters
    ----------
    name
        What the text calls them.
    """
    if slide.fingerprint in checkpoint.about.get("slides", ()):
        return f"The checkpoint was trained on the slide of '{name}'."
    if has_counts(spots) and were_learned(spots, name, checkpoint):
        return f"The checkpoint was trained on the same counts as those of '{name}'."
    return ""


def were_learned(spots: AnnData, name: str, checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint learned from the counts of these spots, as far as it tells."""
    panel = checkpoint.recipe.panel
    known = np.array([int(text, 16) for text in checkpoint.about.get("traces", ())], np.uint64)
    if not len(known) or len(genes_of_all(panel, [spots])) < len(panel):
        return False
    found = np.empty(0, np.uint64)
    with suppress(CountsError):  # normalised values are no counts that were learned
        found = traces(spots, panel, name)
    if len(known) == _KEPT:  # higher ones were not kept
        found = found[found <= known.max()]
    return len(found) >= FEWEST and bool(np.isin(found, known).mean() > SAME)


def traces(spots: AnnData, panel: Sequence[str], where: str) -> NDArray[np.uint64]:
    """(m,) numbers that stand for what spots with enough molecules measured of a panel.

    Raises
    ------
    SpotsError, CountsError, PanelError
        As `genes.counts.panel_counts`.
    """
    counts = panel_counts(spots, panel, where).astype(np.float32)
    telling = counts[counts.sum(axis=1) >= _TELLING]
    digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in telling)
    return np.array([int.from_bytes(digest) for digest in digests], dtype=np.uint64)


def kept_traces(found: Sequence[NDArray[np.uint64]]) -> list[str]:
    """What tells later whether spots were learned: the lowest traces of the sections."""
    lowest = np.unique(np.concatenate(found))[:_KEPT]
    return [f"{trace:016x}" for trace in lowest]


def all_learned(*told: Mapping[str, Any]) -> dict[str, list[str]]:
    """What several descriptions of checkpoints name as learned: sections, slides, traces."""
    names = {name: [part for about in told for part in about.get(name, ())] for name in _NAMES}
    return {
        **{name: list(dict.fromkeys(parts)) for name, parts in names.items()},
        "traces": sorted(set(names["traces"]))[:_KEPT],
    }
