"""The demo: generate sections, train on some, predict another one; then the starter checkpoint."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from anndata import AnnData

from napari_stem.analysis.cluster import cluster
from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.checkpoints.recipe import make_recipe
from napari_stem.checkpoints.starter import STARTER
from napari_stem.evaluation.evaluate import Evaluation
from napari_stem.events import Event, Events, Progress
from napari_stem.exports.registry import write_prediction
from napari_stem.genes.panels import hmhvg
from napari_stem.prediction.predict import iter_predict
from napari_stem.reports.report import write_report
from napari_stem.sections.public_data import is_here, sample_section
from napari_stem.sections.section import Section
from napari_stem.sections.synthetic import generate_section
from napari_stem.training.train import iter_train

GENES = 40
TISSUE = "C5"  # of HER2ST
# Genes to show: one of each tissue, and one that is either off or on.
SHOWN = ("EPCAM", "COL1A1", "CD3E", "CCL5")


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo made: the held-out section, how it was predicted, and the files.

    Attributes
    ----------
    tissue
        What the starter checkpoint predicted: real tissue if it is here, else the generated one.
    """

    section: Section
    evaluation: Evaluation
    tissue: Section
    starter: AnnData
    files: tuple[Path, ...]


def iter_demo(folder: Path, *, training: int = 5, steps: int = 800) -> Events[DemoResult]:
    """Run the demo.

    Parameters
    ----------
    folder
        Where checkpoint, prediction, report and picture go.
    training
        Generated sections to train on; one more is held out.
    steps
        Training steps.
    """
    sections = yield from _generate(training + 1)
    *known, held_out = sections
    panel = hmhvg([section.spots for section in known], GENES)
    panel += [gene for gene in SHOWN if gene not in panel]
    recipe = make_recipe("small", panel, fit={"steps": steps})
    result = yield from iter_train(known, recipe, folder / "run", held_out=[held_out])
    evaluation = result.evaluation
    assert evaluation is not None
    cluster(evaluation.prediction)
    files = [folder / f"prediction{suffix}" for suffix in (".h5ad", ".geojson", ".png")]
    for file in files:
        write_prediction(evaluation.prediction, file, genes=SHOWN)
    report = folder / "prediction.html"
    write_report(evaluation.prediction, report, evaluation=evaluation, genes=SHOWN)
    tissue = sample_section(f"her2st:{TISSUE}") if is_here(TISSUE) else held_out
    starter = yield from iter_predict(tissue.slide, tissue.spots, load_checkpoint(STARTER))
    files.append(folder / f"{STARTER}.h5ad")
    write_prediction(starter, files[-1])
    return DemoResult(held_out, evaluation, tissue, starter, (result.path, *files, report))


def _generate(n: int) -> Generator[Event, None, list[Section]]:
    sections = []
    for seed in range(n):
        yield Progress(seed, n, "generate", "slides")
        sections.append(generate_section(f"generated-{seed}", seed=seed))
    yield Progress(n, n, "generate", "slides")
    return sections
