"""Suffixes of slide files, for dialogs and for finding slides near spots."""

from __future__ import annotations

SCANNED = (".svs", ".ndpi", ".scn", ".mrxs", ".bif", ".vms", ".vmu", ".svslide", ".dcm")
MAYBE_RGB = (".tif", ".tiff", ".btf", ".czi")  # pictures of fluorescence, too
FLAT = (".jpg", ".jpeg", ".png")
SLIDES = (*SCANNED, *MAYBE_RGB, *FLAT)
