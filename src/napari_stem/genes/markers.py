"""Sets of marker genes: built in with their source, or the user's own in files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from napari_stem.errors import OptionError, PanelError
from napari_stem.genes.panels import read_panel
from napari_stem.storage import atomic_path


@dataclass(frozen=True, slots=True)
class MarkerSet:
    """A set of marker genes and its source.

    `problem` says why the file of a set cannot be used; such a set has no genes.
    """

    name: str
    genes: tuple[str, ...]
    source: str
    problem: str = ""


_PATHOLOGY = "common markers of diagnostic immunohistochemistry"

BUILT_IN = (
    MarkerSet(
        "HER2-positive breast cancer",
        ("FASN", "GNAS", "CCL19", "TRAC", "IGHA1", "GPX3", "RAB11FIP1", "COL4A1"),
        "tumour, immune, fat and stroma in HER2ST (Andersson et al. 2021, Nat. Commun. 12, 6012)",
    ),
    MarkerSet("Breast receptors", ("ERBB2", "ESR1", "PGR", "MKI67", "GATA3", "AR"), _PATHOLOGY),
    MarkerSet(
        "Epithelium", ("EPCAM", "KRT8", "KRT18", "KRT19", "KRT5", "KRT14", "CDH1", "MUC1"),
        _PATHOLOGY,
    ),
    MarkerSet(
        "Immune cells",
        ("PTPRC", "CD3D", "CD3E", "CD4", "CD8A", "MS4A1", "CD79A", "CD68", "CD163", "NCAM1"),
        _PATHOLOGY,
    ),
    MarkerSet("Plasma cells", ("IGHA1", "IGHG1", "IGKC", "JCHAIN", "MZB1", "SDC1"), _PATHOLOGY),
    MarkerSet(
        "Stroma", ("VIM", "ACTA2", "COL1A1", "COL3A1", "FN1", "FAP", "DCN", "LUM"), _PATHOLOGY
    ),
    MarkerSet("Vessels", ("PECAM1", "VWF", "CD34", "CDH5", "COL4A1", "COL4A2"), _PATHOLOGY),
    MarkerSet("Fat", ("ADIPOQ", "PLIN1", "PLIN4", "FABP4", "LPL", "GPX3"), _PATHOLOGY),
    MarkerSet("Proliferation", ("MKI67", "TOP2A", "PCNA", "CCNB1", "BIRC5"), _PATHOLOGY),
)  # fmt: skip


def marker_sets() -> list[MarkerSet]:
    """The built-in sets, then the user's own by name; one that cannot be used says why."""
    return [*BUILT_IN, *map(_read, sorted(_folder().glob("*.txt")))]


def save_marker_set(name: str, genes: Sequence[str]) -> MarkerSet:
    """Keep a set of one's own; one of the same name is replaced.

    Raises
    ------
    OptionError
        The name cannot be a file's, or there is no gene.
    StorageError
        The file cannot be written.
    """
    name = name.strip()
    if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|'):
        raise OptionError(f"'{name}' is not a valid name for a marker set. Use letters and digits.")
    if any(name == known.name for known in BUILT_IN):
        raise OptionError(f"'{name}' is a built-in marker set. Choose another name.")
    if not genes:
        raise OptionError("A marker set needs at least one gene.")
    made = MarkerSet(name, tuple(dict.fromkeys(genes)), str(_folder() / f"{name}.txt"))
    with atomic_path(made.source) as draft:
        draft.write_text("\n".join(made.genes) + "\n", encoding="utf-8")
    return made


def import_marker_set(path: str | Path) -> MarkerSet:
    """Keep the genes of a text or CSV file (`panels.read_panel`) under the file's name."""
    path = Path(path)
    return save_marker_set(path.stem, read_panel(path))


def _read(path: Path) -> MarkerSet:
    try:
        return MarkerSet(path.stem, tuple(read_panel(path)), str(path))
    except PanelError as error:
        return MarkerSet(path.stem, (), str(path), str(error))


def _folder() -> Path:
    return platformdirs.user_data_path("napari-stem") / "marker_sets"
