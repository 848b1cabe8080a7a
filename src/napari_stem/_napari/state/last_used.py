"""What was chosen last in a window, as the next proposal: no other window changes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from napari_stem.defaults import N_GENES

# A narrow dock has no room for these as well.
_HIDDEN_AT_FIRST = ("variance", "morans_i", "held_out_ceiling")


@dataclass(frozen=True, slots=True)
class LastUsed:
    """Folders, files and columns; each window begins with those that were used before it.

    Attributes
    ----------
    folders
        Where file dialogs ended, by the kind of file.
    checkpoint
        Path of the checkpoint, "" for none.
    hidden_columns
        Names of the gene table's columns that are hidden.
    runs_folder
        Where training runs are stored, "" for the default.
    panel_size
        Number of genes to train on.
    """

    folders: Mapping[str, str] = field(default_factory=dict)
    checkpoint: str = ""
    hidden_columns: tuple[str, ...] = _HIDDEN_AT_FIRST
    runs_folder: str = ""
    panel_size: int = N_GENES
