"""Everything that decides a training run, as data that its folder keeps: no torch, no slides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from napari_stem.defaults import (
    ENCODERS,
    N_DRAWS,
    N_GENES,
    CountTransform,
    GeometryName,
    Keep,
    Preset,
    Selection,
)
from napari_stem.errors import OptionError, TrainingError
from napari_stem.spots.section_names import section_name
from napari_stem.text import a_few

UNLIMITED = 10**9  # steps, where time is what is limited


@dataclass(frozen=True, slots=True)
class SectionSource:
    """Where a section's slide and counts come from.

    Attributes
    ----------
    path
        A folder with image and spots, a spot table, or a sample's name such as "generated:1".
    image
        The slide of a spot table, "" where it lies in the folder.
    mpp
        Micrometres per pixel, where the slide states none.
    bin_um
        Width of the bins to read, where there are several or none (`io.read_spots`).
    symbols
        A table of old and new gene symbols, "" for none.
    """

    path: str
    image: str = ""
    mpp: float | None = None
    bin_um: float | None = None
    symbols: str = ""

    @property
    def name(self) -> str:
        """What people call it."""
        return section_name(self.path)


@dataclass(frozen=True, slots=True)
class PanelChoice:
    """How the genes are chosen.

    Attributes
    ----------
    n
        Genes of the panel; of "deg" a region.
    by
        Column of `obs` that names regions, for "deg".
    genes
        The genes of a "list".
    """

    select: Selection = "hmhvg"
    n: int = N_GENES
    by: str = ""
    genes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """A training run before it starts.

    Attributes
    ----------
    held_out
        Sections that training never sees, or
    held_out_share
        the share of each section that is a strip held out.
    fit
        Training settings that replace the preset's, by their names in `FitConfig`.
    weights
        Local weight files of encoders, by encoder name.
    """

    sections: tuple[SectionSource, ...]
    held_out: tuple[SectionSource, ...] = ()
    held_out_share: float = 0.0
    panel: PanelChoice = PanelChoice()
    preset: Preset = "small"
    encoders: tuple[str, ...] = ENCODERS
    weights: Mapping[str, str] = field(default_factory=dict)
    transform: CountTransform = "log2"
    geometry: GeometryName = "physical"
    fit: Mapping[str, Any] = field(default_factory=dict)
    keep: Keep = "last"
    draws: int = N_DRAWS
    device: str = "auto"

    def __post_init__(self) -> None:
        if twice := {s.path for s in self.sections} & {s.path for s in self.held_out}:
            raise OptionError(f"{a_few(sorted(twice))}: trained on and held out. Choose one.")

    def to_json(self) -> str:
        """Text that `from_json` reads back unchanged."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str, where: str) -> TrainPlan:
        """Read a plan; `where` names its file in errors.

        Raises
        ------
        TrainingError
            The text is no plan.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            for name in ("sections", "held_out"):
                values[name] = tuple(SectionSource(**source) for source in values[name])
            panel = values["panel"]
            values["panel"] = PanelChoice(**{**panel, "genes": tuple(panel["genes"])})
            values["encoders"] = tuple(values["encoders"])
            return cls(**values)
        except (ValueError, TypeError, LookupError) as error:
            raise TrainingError(
                f"{where} is no plan of a training run ({error}). Start a new run."
            ) from error

    def differences(self, other: TrainPlan) -> list[str]:
        """Names of the settings that differ and matter to the result: the device does not."""
        one, two = replace(self, device="auto"), replace(other, device="auto")
        names = [setting.name for setting in fields(self)]
        return [name for name in names if getattr(one, name) != getattr(two, name)]
