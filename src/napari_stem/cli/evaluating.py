"""The commands `evaluate` and `cross-validate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_stem.cli.flags import Flags, with_flags
from napari_stem.cli.options import (
    Bin,
    Cache,
    Computing,
    Data,
    Drawing,
    Encoders,
    Images,
    Mpp,
    PanelFile,
    Sections,
    Symbols,
    Weights,
    files_of,
    image_files,
)
from napari_stem.cli.output import print_doubts, print_evaluations, run_events
from napari_stem.cli.planning import opened_as, planned
from napari_stem.cli.sections import located, named_sources
from napari_stem.errors import OptionError
from napari_stem.model.fit_config import FIT_OPTIONS
from napari_stem.options import options_of
from napari_stem.sections.opening import Opening
from napari_stem.training.plan import PanelChoice, TrainPlan

if TYPE_CHECKING:
    from napari_stem.evaluation.evaluate import Evaluation

Csv = Annotated[
    Path | None, typer.Option("--csv", help="Write the metrics of each gene to this file.")
]
Json = Annotated[
    Path | None, typer.Option("--json", help="Write the metrics of each method to this file.")
]
_OF_A_RUN = ("distill", "evaluations", "keep", "recalibrate", "devices", "nodes")
_FOLD_OPTIONS = {
    name: about for name, about in options_of(TrainPlan).items() if name not in _OF_A_RUN
}


@with_flags
def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help='Checkpoint: .safetensors file, or "starter".')
    ],
    sections: Annotated[
        list[str],
        typer.Argument(metavar="SECTION...", help="Sections with counts that training never saw."),
    ],
    *,
    training: Annotated[
        list[str],
        typer.Option(
            "--train",
            help="Section that the checkpoint was trained on. Can be given several times.",
        ),
    ],
    options: Drawing,
    compute: Computing,
    opening: Opening,
    images: Images = None,
    csv: Csv = None,
    json: Json = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Write an HTML report to this file; of several sections, the first's."),
    ] = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Compare a checkpoint with regression and retrieval on held-out sections.

    Baselines learn from the training sections: the mean of each gene, tuned ridge regression and
    tuned nearest neighbours, each with independent genes and with whole vectors (joint).
    """
    from napari_stem.api.evaluation import iter_evaluate
    from napari_stem.checkpoints.checkpoint import load_checkpoint
    from napari_stem.reports.report import write_report
    from napari_stem.sections.opened import Opened

    loaded = load_checkpoint(checkpoint)
    _check_writable(csv, json, report)
    files, pictures = files_of(cache, weights), image_files(images, [*sections, *training])
    with Opened() as opened:
        known, tested = (
            [
                opened.section(
                    located(name, data), image=pictures.get(name), mpp=mpp, bin_um=bin_um,
                    symbols=symbols, opening=opening,
                )
                for name in names
            ]
            for names in (training, sections)
        )  # fmt: skip
        evaluations = [
            run_events(iter_evaluate(loaded, each, known, **options, **compute, **files))
            for each in tested
        ]
    print_evaluations(evaluations)
    for evaluation in evaluations:
        print_doubts(evaluation.prediction)
    _write(evaluations, csv, json)
    if report:
        write_report(evaluations[0].prediction, report, evaluation=evaluations[0])


@with_flags
def cross_validate(
    sections: Sections,
    *,
    leave_out: Annotated[
        Literal["section", "patient"],
        typer.Option(help="Leave out one section after the other, or all sections of a patient."),
    ] = "section",
    patients: Annotated[
        list[str] | None,
        typer.Option(
            "--patient",
            metavar="SECTION=NAME",
            help="Patient of a section; HER2ST's are known. Can be given several times.",
        ),
    ] = None,
    genes: PanelChoice,
    panel: PanelFile = None,
    encoder: Encoders = None,
    plan: Annotated[dict[str, Any], Flags(_FOLD_OPTIONS)],
    fit: Annotated[dict[str, Any], Flags(FIT_OPTIONS)],
    opening: Opening,
    images: Images = None,
    csv: Csv = None,
    json: Json = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Train on all sections but one, evaluate on that one, and so on.

    Each fold selects its genes without the sections that it leaves out. Sections of one patient
    resemble each other: leave out patients to learn what another patient can expect.
    """
    from napari_stem.storage import cache_dir
    from napari_stem.training.run import iter_planned_folds

    _check_writable(csv, json)
    given = opened_as(mpp, bin_um, symbols, opening)
    found = named_sources(sections, data, given, image_files(images, sections))
    folds = planned(
        [source for _, source in found],
        genes=genes, panel=panel, encoders=encoder, weights=weights, fit=fit, **plan,
    )  # fmt: skip
    named = [(name, source.name) for name, source in found]
    by_patient = leave_out == "patient" or patients
    groups = _patients(named, patients or []) if by_patient else ()
    work = iter_planned_folds(folds, patients=groups, cache=cache or cache_dir())
    evaluations = run_events(work)
    print_evaluations(evaluations)
    _write(evaluations, csv, json)


def _patients(sections: Sequence[tuple[str, str]], texts: Sequence[str]) -> list[str]:
    """The patient of each section, of its name as it was typed and its own name.

    Raises
    ------
    OptionError
        A text is not SECTION=NAME, or the patient of a section is not known.
    """
    given = {}
    for text in texts:
        section, equals, patient = text.rpartition("=")
        if not equals:
            raise OptionError(f"--patient is '{text}'; use SECTION=NAME, for example her2st:C2=C.")
        given[section] = patient
    known = [(name, own, given.get(name) or given.get(own)) for name, own in sections]
    found = [(own, patient or _her2st_patient(name)) for name, own, patient in known]
    if unknown := [own for own, patient in found if not patient]:
        raise OptionError(
            f"The patient of '{unknown[0]}' is not known. Name the patient of each section: "
            f"--patient {unknown[0]}=NAME."
        )
    return [patient for _, patient in found]


def _her2st_patient(name: str) -> str:
    """HER2ST names its sections by the letter of the patient and a number."""
    kind, _, section = name.partition(":")
    return section[:1] if kind == "her2st" else ""


def _check_writable(*paths: Path | None) -> None:
    """Before the long work."""
    from napari_stem.storage import check_writable

    for path in paths:
        if path:
            check_writable(path)


def _write(evaluations: Sequence[Evaluation], csv: Path | None, json: Path | None) -> None:
    from napari_stem.reports.metric_files import write_metrics_csv, write_metrics_json

    if csv:
        write_metrics_csv(evaluations, csv)
    if json:
        write_metrics_json(evaluations, json)
