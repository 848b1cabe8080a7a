"""Checkpoints in memory: docks that use the same one share its network and its encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from napari_stem._napari.shell.choices import compute_for
from napari_stem._napari.shell.imports import importing, load_triton_apart
from napari_stem.features.loaded import Loaded

if TYPE_CHECKING:
    from napari_stem._napari.state.checkpoint import ChosenCheckpoint
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.features.compute import Compute


@dataclass(frozen=True, eq=False)
class InMemory:
    """A checkpoint with its weights, and what of it is on devices."""

    checkpoint: Checkpoint
    loaded: Loaded

    def compute(self, chosen: ChosenCheckpoint, compute: Compute) -> Compute:
        """The same with the user's cache, and the networks that are in memory."""
        return replace(compute_for(chosen, compute), loaded=self.loaded)


def in_memory(chosen: ChosenCheckpoint) -> InMemory:
    """The checkpoint of that content, read where nobody holds it; it lives while somebody does."""
    with _lock:
        found = _known.get(chosen.key)
        if found is None:
            load_triton_apart()
            with importing:
                from napari_stem.checkpoints.checkpoint import load_checkpoint

            checkpoint = load_checkpoint(chosen.path)
            if any(encoder.source != "built-in" for encoder in checkpoint.recipe.encoders):
                with importing:
                    import_module("timm")  # makes them later, where nobody holds the lock
            found = _known[chosen.key] = InMemory(checkpoint, Loaded())
        return found


_lock = Lock()
_known: WeakValueDictionary[str, InMemory] = WeakValueDictionary()
