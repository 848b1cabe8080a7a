"""The scale that a user types."""

from __future__ import annotations

_LARGEST_MPP = 20


def scale_refusal(mpp: float) -> str:
    """Why a typed scale is not used, as a line of a note; "" if it can be that of a slide."""
    if mpp <= _LARGEST_MPP:
        return ""
    return f"⚠ A scale of {mpp:g} µm/px is not that of a slide; type at most {_LARGEST_MPP} µm/px."
