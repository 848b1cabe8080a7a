"""The terminal's words for the hints of errors."""

from __future__ import annotations

from napari_stem.errors import Remedy

WORDS = {
    Remedy.SCALE: "Use --mpp {value}.",
    Remedy.IMAGE: "Use --image FILE.",
    Remedy.BIN: "Use --bin {value}.",
    Remedy.NO_BIN: "Leave out --bin.",
    Remedy.WEIGHTS: "Use --weights {value}=FILE.",
    Remedy.DEVICE: "Use --device {value}.",
    Remedy.SPARSE: "Use --sparse to confirm it.",
    Remedy.PICTURE: "Use --picture {value}.",
    Remedy.TRUST: "Use --trust-positions to overrule this.",
    Remedy.LOW_RESOLUTION: "Use --allow-low-resolution to go on.",
    Remedy.LIBRARY: "Use --library {value}.",
    Remedy.LAYER: "Use --layer {value}.",
}
