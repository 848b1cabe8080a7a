"""What a checkpoint tells of its training, beside its recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from napari_stem.validation import parse_json, validated


@dataclass(frozen=True, slots=True)
class _Known:
    """The entries that this package reads; others are kept as they are."""

    title: str = ""
    attribution: str = ""
    sections: list[str] = field(default_factory=list)
    slides: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    spots: int = 0
    pitch_um: float = 0.0
    diameter_um: float = 0.0
    weights: dict[str, Any] = field(default_factory=dict)
    gene_pcc: dict[str, float | None] = field(default_factory=dict)
    gene_ceiling: dict[str, float | None] = field(default_factory=dict)
    gene_baseline: dict[str, float | None] = field(default_factory=dict)
    gene_gain: dict[str, float | None] = field(default_factory=dict)
    gene_coverage: dict[str, float | None] = field(default_factory=dict)
    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)


def read_description(text: str) -> dict[str, Any]:
    """The description that a text of JSON holds.

    Raises
    ------
    ValueError
        It is no JSON, or one of its entries is not what this package writes.
    """
    found = parse_json(text)
    if not isinstance(found, Mapping):
        raise ValueError("it is not an object")
    names = {each.name for each in fields(_Known)}
    validated(_Known, {name: value for name, value in found.items() if name in names})
    return dict(found)
