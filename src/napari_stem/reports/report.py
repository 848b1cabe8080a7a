"""One self-contained page about a prediction."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.prediction.trust import foreign_spots, warnings_of
from napari_stem.reports.measured import measured_part, picture
from napari_stem.reports.plots import cluster_map, gene_maps, variation_curve
from napari_stem.spots.provenance import provenance
from napari_stem.spots.selection import check_genes
from napari_stem.storage import atomic_path
from napari_stem.text import counted, printable

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.evaluation.evaluate import Evaluation

_JSON = ("recipe", "versions")  # what predictions record as text of JSON
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; } .sub { opacity: .7; margin-top: .2rem; }
.note { border-left: 4px solid #E69F00; padding: .3rem 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .8rem; text-align: right; }
th:first-child, td:first-child { text-align: left; } tr + tr { border-top: 1px solid #8884; }
img { max-width: 100%; background: white; border-radius: 6px; }
pre { white-space: pre-wrap; word-break: break-word; font-size: .75rem; opacity: .8; }
"""


def leading_genes(prediction: AnnData, n: int = 4) -> list[str]:
    """Genes worth a picture: the best predicted where that is known, else the most variable."""
    if "held_out_pcc" in prediction.var:
        rank = prediction.var["held_out_pcc"].fillna(-1).to_numpy()
    else:
        rank = np.asarray(prediction.X).var(axis=0)
    return list(prediction.var_names[np.argsort(-rank)[:n]])


def shown_genes(prediction: AnnData, genes: Sequence[str]) -> list[str]:
    """The chosen genes, or the leading ones if none are chosen.

    Raises
    ------
    PanelError
        The prediction lacks a gene.
    """
    check_genes(prediction, genes)
    return list(genes) or leading_genes(prediction)


def write_report(
    prediction: AnnData,
    path: str | Path,
    *,
    evaluation: Evaluation | None = None,
    genes: Sequence[str] = (),
) -> None:
    """Write one self-contained HTML file.

    Parameters
    ----------
    evaluation
        What it is worth beside baselines, where the counts are known.
    genes
        Genes to show; the best or most variable ones otherwise.

    Raises
    ------
    PanelError
        The prediction lacks a gene.
    """
    about = provenance(prediction, "slide", "unit", "n_draws")
    chosen = shown_genes(prediction, genes)
    parts = [
        f"<h1>{_shown(about['slide'])}</h1>",
        f"<p class=sub>{_sizes(prediction)}</p>",
        "<p class=note>Predicted, not measured. For research use only, not for diagnosis.</p>",
        *(f"<p class=note>⚠ {_shown(text)}</p>" for text in warnings_of(prediction)),
    ]
    if evaluation:
        parts += measured_part(evaluation)
    parts += ["<h2>Genes</h2>", picture(gene_maps(prediction, chosen), "Maps of genes")]
    if "truth" in prediction.layers:
        parts += ["<h2>Variation</h2>", picture(variation_curve(prediction), "Variance of genes")]
    if "leiden" in prediction.obs:
        parts += ["<h2>Clusters</h2>", picture(cluster_map(prediction), "Map of clusters")]
    if "ood" in prediction.obs:
        parts.append(
            f"<h2>Distance to the training data</h2><p>{foreign_spots(prediction):,} of "
            f"{counted(prediction.n_obs, 'spot')} differ from the training tissue (farther "
            "than 99 % of the training spots); predictions there are unreliable.</p>"
        )
    if notes := list(about.get("notes", ())):
        items = "".join(f"<li>{_shown(note)}</li>" for note in notes)
        parts.append(f"<h2>What was found and assumed</h2><ul>{items}</ul>")
    parts += ["<h2>How it was made</h2>", f"<pre>{_shown(_provenance(about))}</pre>"]
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{_shown(about['slide'])}"
        f"</title><style>{_STYLE}</style><body>{''.join(parts)}</body></html>"
    )
    with atomic_path(path) as draft:
        draft.write_text(page, encoding="utf-8")


def _sizes(prediction: AnnData) -> str:
    about = provenance(prediction)
    return (
        f"{counted(prediction.n_obs, 'spot')}, {counted(prediction.n_vars, 'gene')}, "
        f"{_shown(about['n_draws'])} draws per spot, in {_shown(about['unit'])}"
    )


def _provenance(about: Mapping[str, object]) -> str:
    """How a prediction was made, as text; where its slide lies is for nobody else to read."""
    readable = {name: about[name] for name in about if name != "slide_path"}
    for name in _JSON:
        with suppress(LookupError, ValueError, RecursionError):  # others wrote it: as it is
            readable[name] = json.loads(str(about[name]))
    return json.dumps(readable, indent=1, default=str)


def _shown(value: object) -> str:
    """Any value as text of the page, whatever a file says it is."""
    return html.escape(printable(str(value)))
