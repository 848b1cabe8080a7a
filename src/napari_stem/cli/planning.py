"""From the options of commands that train, or could, to a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_stem.cli.options import weight_files
from napari_stem.defaults import ENCODERS
from napari_stem.model.fit_config import chosen_fit
from napari_stem.training.plan import PanelChoice, TrainPlan

if TYPE_CHECKING:
    from napari_stem.training.plan import SectionSource


def opened_as(
    mpp: float | None, bin_um: float | None, symbols: Path | None, opening: Any
) -> dict[str, Any]:
    """How sections are opened, as `cli.sections.section_sources` takes it."""
    return {
        "mpp": mpp,
        "bin_um": bin_um,
        "symbols": str(symbols.resolve()) if symbols else "",
        "opening": opening,
    }


def planned(
    sections: Sequence[SectionSource],
    *,
    genes: PanelChoice,
    panel: Path | None,
    encoders: list[str] | None,
    weights: list[str] | None,
    fit: dict[str, Any],
    **plan: Any,
) -> TrainPlan:
    """A plan whose files are found from any folder; `panel` is a file that replaces `genes`."""
    from napari_stem.checkpoints.starter import checkpoint_file
    from napari_stem.genes.panels import read_panel

    if plan.get("distill"):
        plan["distill"] = str(checkpoint_file(plan["distill"]).resolve())
    return TrainPlan(
        tuple(sections),
        panel=PanelChoice("list", genes=tuple(read_panel(panel))) if panel else genes,
        encoders=tuple(encoders or ENCODERS),
        weights={name: str(path.resolve()) for name, path in weight_files(weights).items()},
        fit=chosen_fit(fit),
        **plan,
    )
