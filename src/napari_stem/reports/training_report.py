"""One self-contained page about a training: what was done, how good, what to distrust."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_stem.checkpoints.gene_trust import COLUMNS, from_description
from napari_stem.genes.counts import UNITS
from napari_stem.reports.measured import measured_part
from napari_stem.reports.page import write_page
from napari_stem.reports.trusted import doubts_of_genes, genes_table, listed, trust_part
from napari_stem.text import a_few, counted, printable

if TYPE_CHECKING:
    from napari_stem.checkpoints.checkpoint import Checkpoint
    from napari_stem.evaluation.evaluate import Evaluation

_LONG = ("traces", "scores", *COLUMNS.values())  # entries of a description that are shown otherwise


def write_training_report(
    checkpoint: Checkpoint, evaluations: Sequence[Evaluation], path: str | Path, *, name: str
) -> None:
    """Write one self-contained HTML file.

    Parameters
    ----------
    evaluations
        Of the held-out sections.
    name
        Of the training, as display text.

    Raises
    ------
    StorageError
        The file cannot be written; what stood there stays.
    """
    about, panel = checkpoint.about, checkpoint.recipe.panel
    genes = genes_table(from_description(about, panel))
    title = printable(f"Training {name}")
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        "<p class=note>For research use only, not for diagnosis.</p>",
        "<h2>What was done</h2>",
        f"<p>{html.escape(printable(_done(checkpoint)))}</p>",
        "<h2>How good it is</h2>",
        *trust_part(genes),
        "<h2>What to distrust</h2>",
        listed([*_doubts(checkpoint), *doubts_of_genes(genes)]),
        *(measured_part(evaluations) if evaluations else []),
        "<h2>Details</h2>",
        f"<pre>{html.escape(printable(_details(checkpoint)))}</pre>",
    ]
    write_page(path, title, parts)


def _done(checkpoint: Checkpoint) -> str:
    recipe, about = checkpoint.recipe, checkpoint.about
    encoders = ", ".join(encoder.name for encoder in recipe.encoders)
    held_out = about.get("held_out", "")
    learned = (
        f"A model learned to predict {counted(len(recipe.panel), 'gene')} from the H&E image "
        f"({encoders}), in {UNITS[recipe.transform]}, on {counted(about['spots'], 'spot')} of "
        f"{a_few(about['sections'])}, in {about['step']:,} steps."
    )
    return f"{learned} It was tried on {held_out}, which it never saw." if held_out else learned


def _doubts(checkpoint: Checkpoint) -> list[str]:
    about, found = checkpoint.about, []
    if "(held out)" in str(about.get("held_out", "")):
        found.append(
            "The held-out tissue is a strip of the training sections: too good to hope for."
        )
    if about.get("held_out") and about.get("kept") == "best":
        found.append(
            "The weights were chosen on the held-out tissue, which flatters them a little."
        )
    if (temperature := checkpoint.recipe.diffusion.temperature) != 1:
        found.append(
            f"The intervals were recalibrated: draws spread {temperature:.2f} times as far as the "
            "network learned. If that was done on the held-out tissue, their coverage there is "
            "flattered a little."
        )
    return found


def _details(checkpoint: Checkpoint) -> str:
    about = {name: value for name, value in checkpoint.about.items() if name not in _LONG}
    return json.dumps(
        {"recipe": json.loads(checkpoint.recipe.to_json()), "about": about}, indent=1, default=str
    )
