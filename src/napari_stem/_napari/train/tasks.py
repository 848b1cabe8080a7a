"""What the training dialog asks of the core, as generators for `worker.start`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem._napari.shell.imports import load_triton_apart
from napari_stem.events import Event, Events, Progress
from napari_stem.training.run_folder import Run, delete_run, install, list_runs
from napari_stem.training.run_history import read_history

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.training.plan import PanelChoice, SectionSource
    from napari_stem.training.preflight import SectionCheck


@dataclass(frozen=True, slots=True)
class FoundPanel:
    """The genes of a choice, or why there are none; and the columns that name regions."""

    genes: tuple[str, ...] = ()
    problem: str = ""
    missing: tuple[str, ...] = ()
    columns: dict[str, int] = field(default_factory=dict)


def find_sections(folder: Path) -> Events[list[str]]:
    """The folder if it is a section, else the sections in it, by their paths."""
    yield Progress(0, 0, "read", folder.name)
    from napari_stem.io import find_sections

    return [str(path) for path in find_sections(folder)]


def inspect(source: SectionSource) -> Events[SectionCheck]:
    """Whether a section can be trained on."""
    yield Progress(0, 0, "read", source.name)
    load_triton_apart()
    from napari_stem.training.preflight import check_section

    return check_section(source)


def find_panel(choice: PanelChoice, tables: Sequence[AnnData]) -> Events[FoundPanel]:
    """Genes of a choice; what is wrong with it is told, not raised."""
    yield Progress(0, 0, "choose", "genes")
    load_triton_apart()
    from napari_stem.errors import StemError
    from napari_stem.genes.names import find_genes
    from napari_stem.genes.panels import region_columns
    from napari_stem.training.run import choose_panel

    columns = region_columns(tables)
    lacking = {gene for table in tables for gene in find_genes(choice.genes, table.var).missing}
    missing = tuple(gene for gene in choice.genes if gene in lacking)
    if choice.select == "list" and not choice.genes:
        return FoundPanel(problem="type or load at least one gene.", columns=columns)
    try:
        return FoundPanel(tuple(choose_panel(choice, tables)), columns=columns)
    except StemError as error:
        return FoundPanel((), str(error), missing, columns)


def read_genes(path: Path) -> Events[list[str]]:
    """Genes of a file."""
    yield Progress(0, 0, "read", path.name)
    from napari_stem.genes.panels import read_panel

    return read_panel(path)


def find_runs(folders: Iterable[Path]) -> Events[list[Run]]:
    """The runs of folders."""
    yield Progress(0, 0, "read", "runs")
    return list_runs(*folders)


def read_curves(folder: Path) -> Events[list[Event]]:
    """What a run reported so far."""
    yield Progress(0, 0, "read", folder.name)
    return read_history(folder)


def install_checkpoint(folder: Path) -> Events[Path]:
    """Put the checkpoint of a finished run where the plugin lists checkpoints."""
    yield Progress(0, 0, "install", folder.name)
    return install(folder)


def remove_run(folder: Path) -> Events[None]:
    """Delete a run."""
    yield Progress(0, 0, "delete", folder.name)
    delete_run(folder)
