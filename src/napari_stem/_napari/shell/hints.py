"""Where the window lets a user change what an error hints at."""

from __future__ import annotations

import re

from napari_stem.errors import Remedy, StemError

WORDS = {
    Remedy.SCALE: "Type it under Scale in the Predict dock, for example {value}.",
    Remedy.IMAGE: "Open the image first, then its spots.",
    Remedy.BIN: "Choose {value} µm where the spots are loaded.",
    Remedy.NO_BIN: "Load the spots without a choice of bins.",
    Remedy.WEIGHTS: "Choose the file with Weights file… for the encoder {value}.",
    Remedy.DEVICE: "Choose {value} under Device in the settings.",
    Remedy.SPARSE: "Open the slide with Open… in the Predict dock to confirm it.",
    Remedy.PICTURE: "Open the slide with Open… in the Predict dock to take picture {value}.",
    Remedy.TRUST: "Load the spots again with Trust positions to overrule this.",
    Remedy.LOW_RESOLUTION: "Tick Allow low resolution in the settings to go on.",
    Remedy.LIBRARY: "Save the rows of one slide, for example {value}, as a file of their own.",
    Remedy.LAYER: "Save the table with its raw counts in X or in layers['counts'].",
}


# A path in quotes, or one without spaces; not a web address.
_PATH = re.compile(
    r"""(?<=')(?:/|[A-Za-z]:[/\\])[^']*[/\\](?=[^'/\\]+')"""
    r"""|(?<![\w/.:'])/(?:[^\s/']+/)+(?=[^\s/']+)"""
)


def in_words(error: StemError) -> str:
    """An error with its hint; of files it says the name."""
    said = by_names(str(error))
    return f"{said} {error.hint.said(WORDS)}" if error.hint else said


def by_names(text: str) -> str:
    """The text with the names of files for their paths, which hide the reason."""
    return _PATH.sub("", text)
