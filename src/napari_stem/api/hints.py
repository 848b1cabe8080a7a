"""Python's words for the hints of errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from napari_stem.errors import Remedy, StemError

WORDS = {
    Remedy.SCALE: "Pass mpp={value}.",
    Remedy.IMAGE: "Pass image=PATH.",
    Remedy.BIN: "Pass bin_um={value}.",
    Remedy.NO_BIN: "Leave out bin_um.",
    Remedy.WEIGHTS: 'Pass weights={{"{value}": PATH}}.',
    Remedy.DEVICE: 'Pass device="{value}".',
    Remedy.SPARSE: "Pass sparse=True to confirm it.",
    Remedy.PICTURE: "Pass picture={value}.",
    Remedy.TRUST: "Pass trust_positions=True to overrule this.",
    Remedy.LOW_RESOLUTION: "Pass allow_low_resolution=True to go on.",
    Remedy.LIBRARY: 'Pass library="{value}".',
    Remedy.LAYER: 'Pass layer="{value}".',
}


@contextmanager
def hinted() -> Iterator[None]:
    """Add an error's hint as a note, which a traceback shows below the message."""
    try:
        yield
    except StemError as error:
        if error.hint is not None:
            error.add_note(error.hint.said(WORDS))
        raise
