"""One self-contained page about a prediction: what was done, how good, what to distrust."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_stem.prediction.trust import foreign_spots, warnings_of
from napari_stem.reports.measured import measured_part
from napari_stem.reports.page import picture, write_page
from napari_stem.reports.plots import cluster_map, gene_maps, variation_curve
from napari_stem.reports.trusted import doubts_of_genes, genes_table, listed, trust_part
from napari_stem.spots.provenance import PATHS, origin, provenance
from napari_stem.spots.selection import check_genes
from napari_stem.text import counted, printable
from napari_stem.validation import parse_json

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.evaluation.evaluate import Evaluation

_JSON = ("recipe", "versions")  # what predictions record as text of JSON


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
    held_out = evaluation and not evaluation.seen
    known = evaluation.comparison.held_out() if evaluation and held_out else prediction.var
    trusted = genes_table(known)
    parts = [
        f"<h1>{_shown(about['slide'])}</h1>",
        "<p class=note>Predicted, not measured. For research use only, not for diagnosis.</p>",
        "<h2>What was done</h2>",
        f"<p>{_done(prediction)}</p>",
        "<h2>How good it is</h2>",
        *trust_part(trusted),
        "<h2>What to distrust</h2>",
        *(f"<p class=note>⚠ {_shown(text)}</p>" for text in warnings_of(prediction)),
        listed([*_doubts(prediction), *doubts_of_genes(trusted)]),
        "<h2>Maps</h2>",
        picture(gene_maps(prediction, chosen), "Maps of genes"),
    ]
    if evaluation:
        parts += measured_part([evaluation])
    if "leiden" in prediction.obs:
        parts += ["<h3>Clusters</h3>", picture(cluster_map(prediction), "Map of clusters")]
    if "truth" in prediction.layers and not evaluation:
        parts += ["<h3>Variation</h3>", picture(variation_curve(prediction), "Variance of genes")]
    if notes := list(about.get("notes", ())):
        parts += ["<h2>What was found and assumed</h2>", listed(map(str, notes))]
    parts += ["<h2>Details</h2>", f"<pre>{_shown(_provenance(about))}</pre>"]
    write_page(path, printable(str(about["slide"])), parts)


def _doubts(prediction: AnnData) -> list[str]:
    """What to distrust of the slide, as display texts."""
    seen = str(provenance(prediction).get("seen", ""))
    found = [f"{seen} Its maps look better than those of another slide."] if seen else []
    if "ood" not in prediction.obs:
        return found
    if not (foreign := foreign_spots(prediction)):
        return [*found, "No spot differs from the training tissue in what its image shows."]
    told = f"{foreign:,} of {counted(prediction.n_obs, 'spot')} differ from the training tissue"
    far = "farther from it than 99 % of the spots of a left-out section were"
    return [*found, f"{told} ({far}); predictions there are unreliable."]


def _done(prediction: AnnData) -> str:
    about = provenance(prediction)
    checkpoint = origin(prediction).checkpoint or "a checkpoint that its file does not name"
    return (
        f"The expression of {counted(prediction.n_vars, 'gene')} was predicted from the H&amp;E "
        f"image at {counted(prediction.n_obs, 'spot')}, with {_shown(about['n_draws'])} draws per "
        f"spot of {_shown(checkpoint)}, in {_shown(about['unit'])}."
    )


def _provenance(about: Mapping[str, object]) -> str:
    """How a prediction was made, as text; where its files lie is for nobody else to read."""
    readable = {name: about[name] for name in about if name not in PATHS}
    for name in _JSON:
        with suppress(LookupError, ValueError):  # others wrote it: as it is
            readable[name] = parse_json(str(about[name]))
    return json.dumps(readable, indent=1, default=str)


def _shown(value: object) -> str:
    """Any value as text of the page, whatever a file says it is."""
    return html.escape(printable(str(value)))
