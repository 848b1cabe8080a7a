"""Names of choices, and the defaults and limits that every front end shares."""

from __future__ import annotations

from typing import Literal

CountTransform = Literal["log2", "log1p_cp10k"]
GeometryName = Literal["physical", "paper"]
Keep = Literal["best", "last"]
Layout = Literal["hex", "square"]
Preset = Literal["small", "large", "paper"]
Selection = Literal["hmhvg", "hvg", "deg", "list"]
Stain = Literal["auto", "macenko", "as_scanned"]

DEVICES = ("auto", "cpu", "cuda", "mps")
ENCODERS = ("morphology",)
N_DRAWS = 20
N_GENES = 300
SAMPLER = "auto"
TISSUE_SHARE = 0.2  # of the disc of a spot
WIDEST_SURROUNDINGS = 1_000  # µm, their radius around a spot
