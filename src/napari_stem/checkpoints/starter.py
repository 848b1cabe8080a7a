"""The checkpoint that comes with the package, for trying it out without training one."""

from __future__ import annotations

from pathlib import Path

from napari_stem.errors import CheckpointNotFound

STARTER = "starter"
TITLE = "HER2-positive breast cancer, four sections of one tumour, for trying out"
ATTRIBUTION = "HER2ST, patient C: Andersson et al., Nat Commun 12, 6012 (2021), CC BY 4.0."


def starter_file() -> Path:
    """Where the package keeps it; `scripts/train_starter.py` makes it."""
    return Path(__file__).with_name(f"{STARTER}.safetensors")


def checkpoint_file(path: str | Path) -> Path:
    """The file of a checkpoint: that of the package if it is called "starter".

    Raises
    ------
    CheckpointNotFound
        There is no such file.
    """
    file = starter_file() if str(path) == STARTER else Path(path)
    if not file.is_file():
        raise CheckpointNotFound(f"There is no checkpoint at '{file}'. Check the path.")
    return file
