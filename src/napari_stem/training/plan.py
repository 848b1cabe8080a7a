"""The plan of a training run, as data kept in its folder: no torch, no slides."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from napari_stem.defaults import (
    ENCODERS,
    N_DRAWS,
    N_GENES,
    WIDEST_SURROUNDINGS,
    CountTransform,
    GeometryName,
    Keep,
    Preset,
    Selection,
    Stain,
)
from napari_stem.errors import OptionError, TrainingError
from napari_stem.features.compute import Compute
from napari_stem.model.fit_config import check_settings
from napari_stem.options import check_options, option, same_option
from napari_stem.sections.opening import Opening
from napari_stem.spots.section_names import section_name
from napari_stem.text import a_few, one_line
from napari_stem.validation import parse_json, validated

_COMPUTING = {"device", "compile", "devices", "nodes"}  # settings that change no result


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
        Bin size for Visium HD or Xenium (`io.read_spots`).
    symbols
        A table of old and new gene symbols, "" for none.
    opening
        Choices among what the files hold, and whom to believe.
    """

    path: str
    image: str = ""
    mpp: float | None = None
    bin_um: float | None = None
    symbols: str = ""
    opening: Opening = field(default_factory=Opening)

    @property
    def name(self) -> str:
        """Display name."""
        return section_name(self.path)


@dataclass(frozen=True, slots=True)
class PanelChoice:
    """How the genes are chosen.

    Attributes
    ----------
    n
        Genes of the panel; for "deg", per region.
    by
        Column of `obs` that names regions, for "deg".
    genes
        The genes of a "list".
    """

    select: Selection = option(
        "hmhvg",
        "Genes",
        "How the genes are selected. Mitochondrial and ribosomal ones are left out, except from a "
        "list.",
        choices={
            "hmhvg": "high mean and variance (HMHVG)",
            "hvg": "highly variable, highest mean (HVG)",
            "deg": "differential between regions (DEG)",
            "list": "list of genes",
        },
    )
    n: int = option(
        N_GENES,
        "Number of genes",
        "Number of genes to train on; for DEG, per region.",
        unit="genes",
        minimum=1,
        maximum=100_000,
        step=50,
        flag="genes",
    )
    by: str = option(
        "", "Regions", "Annotation column (AnnData obs) with the region of each spot, for DEG."
    )
    genes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class TrainPlan:
    """A training run before it starts.

    Attributes
    ----------
    held_out
        Sections that training never sees.
    held_out_share
        Instead: share of each section to hold out, as a strip.
    fit
        Training settings that replace the preset's, by their names in `FitConfig`.
    weights
        Local weight files of encoders, by encoder name.
    """

    sections: tuple[SectionSource, ...]
    held_out: tuple[SectionSource, ...] = ()
    held_out_share: float = 0.0
    panel: PanelChoice = PanelChoice()
    preset: Preset = option(
        "small",
        "Preset",
        "Size of the network and its training settings.",
        choices={
            "small": "small (minutes on a CPU)",
            "large": "large: the same model at the paper's size, needs a GPU",
            "paper": "paper: as published, needs a GPU",
        },
    )
    encoders: tuple[str, ...] = ENCODERS
    weights: Mapping[str, str] = field(default_factory=dict)
    transform: CountTransform = option(
        "log2",
        "Count transform",
        "Transform of raw counts that the network learns; the paper uses log2.",
        choices={"log2": "log2(count + 1)", "log1p_cp10k": "log(counts per 10,000 + 1)"},
    )
    geometry: GeometryName = option(
        "physical",
        "Patch",
        "Tissue covered by a patch; a width in µm needs the scale of the slides.",
        choices={"physical": "112 µm", "paper": "224 pixels (paper)"},
    )
    stain: Stain = option(
        "auto",
        "Stain",
        "Whether patches of all slides get the same stains (Macenko), so that other laboratories' "
        "slides look alike.",
        choices={
            "auto": "the preset's",
            "macenko": "the same for all slides (Macenko)",
            "as_scanned": "as scanned",
        },
        advanced=True,
    )
    surroundings: float | None = option(
        None,
        "Surroundings",
        "Radius around a spot within which further patches tell of its tissue, about 300 µm. "
        "Predictions get better and take longer: 0.7 more patches for each of Visium's spots, 22 "
        "for a click.",
        kind=float,
        unit="µm",
        minimum=100,
        maximum=WIDEST_SURROUNDINGS,
        step=50,
        unset="none",
        advanced=True,
    )
    fit: Mapping[str, Any] = field(default_factory=dict)
    distill: str = option(
        "",
        "Distil",
        "Trained checkpoint that a network learns from which draws with few evaluations. Genes, "
        "encoders and network are the checkpoint's; the sections supply tissue.",
        advanced=True,
    )
    evaluations: int = option(
        2,
        "Evaluations",
        "Network evaluations per draw of a distilled checkpoint.",
        minimum=1,
        maximum=8,
        advanced=True,
    )
    keep: Keep = option(
        "last",
        "Keep",
        "Which weights the checkpoint keeps. Held-out metrics of the best weights are a "
        "little optimistic.",
        choices={
            "last": "weights of the last step",
            "best": "weights with the lowest held-out loss",
        },
        advanced=True,
    )
    recalibrate: bool = option(
        False,
        "Recalibrate intervals",
        "After training, let draws spread as far as intervals of 90 % need to hold at the held-out "
        "spots. Coverage of these spots is then a little optimistic.",
        advanced=True,
    )
    draws: int = option(
        N_DRAWS,
        "Draws",
        "Draws per held-out spot in the final evaluation.",
        minimum=1,
        maximum=1000,
        advanced=True,
    )
    device: str = same_option(Compute, "device")
    compile: bool = same_option(Compute, "compile")
    devices: int = option(
        1,
        "Devices",
        "Devices that train together, each on its share of a batch; processes on a CPU. A run "
        "ends in the same on any number of them.",
        minimum=1,
        maximum=64,
        advanced=True,
    )
    nodes: int = option(
        1,
        "Nodes",
        "Machines that train together, each with so many devices. Each runs this command: under "
        "SLURM or torchrun, or with NODE_RANK, MASTER_ADDR and MASTER_PORT set.",
        minimum=1,
        maximum=1024,
        advanced=True,
    )
    allow_low_resolution: bool = same_option(Compute, "allow_low_resolution")

    def __post_init__(self) -> None:
        check_options(self)
        check_settings(self.fit)
        if self.panel.select == "list" and not self.panel.genes:
            raise OptionError("The gene list is empty. Name at least one gene.")
        if not 0 <= self.held_out_share < 1:
            raise OptionError(
                f"held_out_share is {self.held_out_share}; it must be at least 0 and below 1."
            )
        if self.recalibrate and not (self.held_out or self.held_out_share):
            raise OptionError(
                "Intervals are recalibrated with held-out spots, and none are held out. Hold out a "
                "section or a share of each, or train without recalibrating."
            )
        if twice := {s.path for s in self.sections} & {s.path for s in self.held_out}:
            raise OptionError(
                f"Sections are both in training and held out: {a_few(sorted(twice))}. Use each "
                "section once."
            )

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
            values: dict[str, Any] = parse_json(text)
            for name in ("sections", "held_out"):
                values[name] = tuple(map(_section_source, values[name]))
            panel = values["panel"]
            values["panel"] = PanelChoice(**{**panel, "genes": tuple(panel["genes"])})
            values["encoders"] = tuple(values["encoders"])
            return validated(cls, values)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise TrainingError(
                f"The training plan could not be read: {one_line(error)}. Start a new run. "
                f"File: {where}."
            ) from error

    def differences(self, other: TrainPlan) -> list[str]:
        """Names of the settings that differ and matter to the result."""
        names = [setting.name for setting in fields(self) if setting.name not in _COMPUTING]
        return [name for name in names if getattr(self, name) != getattr(other, name)]


def _section_source(values: Mapping[str, Any]) -> SectionSource:
    return SectionSource(**{**values, "opening": Opening(**values.get("opening", {}))})
