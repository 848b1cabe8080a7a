"""What the stages of the core's work are called for people."""

from __future__ import annotations

_STAGES = {
    "grid": "Laying the grid",
    "load": "Loading the network",
    "embed": "Reading patches",
    "train": "Training",
    "sample": "Drawing",
}


def stage_in_words(stage: str) -> str:
    """What a `Progress` event's stage is called; the stage itself where it has no other name."""
    return _STAGES.get(stage, stage)
