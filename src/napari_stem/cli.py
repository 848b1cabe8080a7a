"""The `napari-stem` command: each function reads its options and calls the core."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console

from napari_stem.errors import OptionError, StemError

if TYPE_CHECKING:
    from anndata import AnnData

    from napari_stem.events import Event, Events
    from napari_stem.plan import SectionSource
    from napari_stem.prediction import PredictOptions
    from napari_stem.section import Section

T = TypeVar("T")

INTERRUPTED = 130  # exit code of work that Ctrl+C stopped, as shells have it

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Predict gene expression from H&E slides, on this machine. For research use only.",
)
console = Console()

Mpp = Annotated[
    float | None, typer.Option(help="Micrometres per pixel, where the slide states none.")
]
Image = Annotated[Path | None, typer.Option(help="The slide, where SPOTS is no folder with one.")]
Bin = Annotated[
    float | None,
    typer.Option("--bin", help="Micrometres of Visium HD's bins, or of squares for Xenium."),
]
Symbols = Annotated[
    Path | None,
    typer.Option(help="Old and new gene symbols: HGNC's complete set, or a table of two columns."),
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same draws.")]
Draws = Annotated[int, typer.Option("--draws", min=1, help="Realisations a spot.")]
Steps = Annotated[int, typer.Option("--sampler-steps", min=1, help="Network evaluations a draw.")]
Sampler = Annotated[
    Literal["dpm++", "ddim", "ancestral"],
    typer.Option(help="ancestral with 1,000 steps is the paper's."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Weights = Annotated[
    list[str] | None, typer.Option(help="ENCODER=FILE: local weights, or their folder; repeat.")
]
Cache = Annotated[
    Path | None, typer.Option(help="Folder of embeddings and draws; the user's own otherwise.")
]
Data = Annotated[
    Path | None,
    typer.Option(envvar="NAPARI_STEM_DATA", help="Folder that holds her2st/, not downloaded then."),
]
Output = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", help="Write .h5ad, .geojson, .csv, .html or .png; repeat."),
]
Resolution = Annotated[float, typer.Option(help="Of Leiden clusters; higher gives more.")]
Events_ = Annotated[
    Literal["bars", "jsonl"], typer.Option("--events", help="Progress for people or programs.")
]


def main() -> None:
    """Run the command; say a `StemError` on one line and exit with 1."""
    try:
        app()
    except StemError as error:
        Console(stderr=True, soft_wrap=True).print(
            f"{type(error).__name__}: {error}", style="red", highlight=False, markup=False
        )
        sys.exit(1)


@app.callback(invoke_without_command=True)
def _version(
    show: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if show:
        typer.echo(version("napari-stem"))
        raise typer.Exit


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the results.")] = Path(
        "demo-output"
    ),
    view: Annotated[bool, typer.Option(help="Open napari where there is a display.")] = True,
) -> None:
    """Generate slides, train on some, predict another one, and show it."""
    from napari_stem.demo import iter_demo

    result = _run(iter_demo(output))
    _print_scores(result.evaluation)
    clusters = result.evaluation.prediction.obs["leiden"].nunique()
    console.print(f"{clusters} clusters. Results lie in {output.resolve()}:")
    for path in result.files:
        console.print(f"  {path.name}")
    if view and _has_display():
        from napari_stem._napari.show import show_prediction

        show_prediction(result.section.slide, result.evaluation.prediction)


@app.command()
def embed(
    spots: Annotated[str, typer.Argument(help="A section, or a spot table with --image.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="An .h5ad file.")],
    encoder: Annotated[list[str] | None, typer.Option(help="Repeat to concatenate.")] = None,
    image: Image = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Describe the patches around spots; the vectors go to obsm["embedding"]."""
    from napari_stem.embedding import iter_embed
    from napari_stem.encoders.registry import find_encoder
    from napari_stem.io.h5ad import write_h5ad
    from napari_stem.patches import PHYSICAL

    section = _section(spots, data, image=image, mpp=mpp, bin_um=bin_um)
    options = _options(cache=cache, device=device, weights=weights)
    encoders = [find_encoder(name) for name in encoder or ["morphology"]]
    vectors = _run(
        iter_embed(
            section.slide, section.spots, encoders, PHYSICAL,
            cache=options.cache, weights=options.weights, device=device,
        )
    )  # fmt: skip
    section.spots.obsm["embedding"] = vectors[:, 0]
    write_h5ad(section.spots, output)
    console.print(f"{vectors.shape[0]} spots, {vectors.shape[2]} numbers each: {output}")


@app.command()
def train(
    run: Annotated[Path, typer.Option(help="Folder of the run; the same one resumes it.")],
    sections: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders with image, spots and counts, or her2st:C2, generated:1, …; "
            "without any, the run goes on as it was planned."
        ),
    ] = None,
    held_out: Annotated[
        str | None,
        typer.Option(help="A further section to evaluate on, or a share of each such as 0.2."),
    ] = None,
    select: Annotated[
        Literal["hmhvg", "hvg", "deg"],
        typer.Option(
            help="Genes of high mean and variance, of high mean among the variable ones, or "
            "different between the regions of --by."
        ),
    ] = "hmhvg",
    by: Annotated[str, typer.Option(help="Column that names regions, for --select deg.")] = "",
    genes: Annotated[int, typer.Option(min=1, help="Genes to select; of deg for a region.")] = 300,
    panel: Annotated[Path | None, typer.Option(help="A gene list instead, one a line.")] = None,
    preset: Annotated[
        Literal["small", "paper"], typer.Option(help="small: for CPUs; paper: for GPUs.")
    ] = "small",
    encoder: Annotated[list[str] | None, typer.Option(help="Repeat to concatenate.")] = None,
    transform: Annotated[
        Literal["log2", "log1p_cp10k"], typer.Option(help="What to learn of raw counts.")
    ] = "log2",
    geometry: Annotated[
        Literal["physical", "paper"],
        typer.Option(help="physical: 112 um a patch; paper: 224 pixels of level 0."),
    ] = "physical",
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Time to train for, instead of steps.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(min=0)] = None,
    augmented: Annotated[
        float | None, typer.Option(min=0, help="Turned views of a patch for each original one.")
    ] = None,
    keep: Annotated[
        Literal["best", "last"],
        typer.Option(help="Weights with the lowest held-out loss, or of the last step."),
    ] = "last",
    seed: Seed = 0,
    draws: Draws = 20,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
    events: Events_ = "bars",
    listen: Annotated[
        bool,
        typer.Option(
            "--listen",
            help='Obey lines on standard input: "pause" saves the state and stops, as the end of '
            'the input does; "finish" evaluates and saves the weights so far.',
        ),
    ] = False,
) -> None:
    """Train on sections with counts; the checkpoint lies in the run's folder.

    Ctrl+C saves the state and stops with exit code 130; the same command, or --run alone, goes
    on from there.
    """
    from napari_stem.panels import read_panel
    from napari_stem.plan import UNLIMITED, PanelChoice, TrainPlan
    from napari_stem.planned_training import iter_run
    from napari_stem.runs import create_run
    from napari_stem.storage import cache_dir

    if sections:
        opening = {
            "mpp": mpp,
            "bin_um": bin_um,
            "symbols": str(symbols.resolve()) if symbols else "",
        }
        tested, share = _held_out(held_out, data, opening)
        budget = {"steps": UNLIMITED if minutes and not steps else steps, "minutes": minutes}
        given = {
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "augmented": augmented,
            "seed": seed,
            **budget,
        }
        chosen = PanelChoice(select, genes, by)
        plan = TrainPlan(
            tuple(_source(name, data, opening) for name in sections),
            held_out=tested,
            held_out_share=share,
            panel=PanelChoice("list", genes=tuple(read_panel(panel))) if panel else chosen,
            preset=preset,
            encoders=tuple(encoder or ["morphology"]),
            weights={name: str(path.resolve()) for name, path in _weights(weights).items()},
            transform=transform,
            geometry=geometry,
            fit={name: value for name, value in given.items() if value is not None},
            keep=keep,
            draws=draws,
            device=device,
        )
        create_run(run, plan)
    with _orders(listen) as finish_now:
        result = _run(iter_run(run, cache=cache or cache_dir(), finish_now=finish_now), events)
    if events == "bars":
        for evaluation in result.evaluations:
            _print_scores(evaluation)
        console.print(f"Checkpoint: {result.path}")


@app.command()
def predict(
    slide: Annotated[str, typer.Argument(help="A slide, or a section with its own spots.")],
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file of `train`.")],
    output: Output = None,
    spots: Annotated[Path | None, typer.Option(help="A spot table on the slide.")] = None,
    pitch: Annotated[float, typer.Option(help="Micrometres between spots of a grid.")] = 100.0,
    genes: Annotated[list[str] | None, typer.Option("--gene", help="To show; repeat.")] = None,
    draws: Draws = 20,
    sampler: Sampler = "dpm++",
    sampler_steps: Steps = 20,
    seed: Seed = 0,
    resolution: Resolution = 1.0,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
    events: Events_ = "bars",
) -> None:
    """Predict a slide on its spots, or on a grid over its tissue."""
    from napari_stem.checkpoint import load_checkpoint
    from napari_stem.cluster import FEWEST, check_request, cluster
    from napari_stem.io import write_prediction
    from napari_stem.panels import check_panel
    from napari_stem.prediction import iter_predict
    from napari_stem.report import write_picture, write_report

    loaded = load_checkpoint(checkpoint)
    check_panel(genes or [], loaded.recipe.panel, "--gene")
    check_request(resolution)
    section = _section_to_predict(slide, spots, pitch, data, mpp=mpp, bin_um=bin_um)
    outputs = output or [Path(f"{section.name}-prediction.h5ad")]
    options = _options(
        cache=cache, device=device, weights=weights, n_draws=draws, seed=seed,
        sampler=(sampler, sampler_steps),
    )  # fmt: skip
    prediction = _run(iter_predict(section.slide, section.spots, loaded, options), events)
    if prediction.n_obs >= FEWEST:
        cluster(prediction, resolution=resolution, seed=seed)
    for path in outputs:
        if path.suffix == ".html":
            write_report(prediction, path, genes=genes or ())
        elif path.suffix == ".png":
            write_picture(prediction, path, genes=genes or ())
        else:
            write_prediction(prediction, path)
        console.print(f"{path}") if events == "bars" else None


@app.command()
def evaluate(
    checkpoint: Annotated[Path, typer.Argument(help="A .safetensors file of `train`.")],
    section: Annotated[str, typer.Argument(help="A held-out section with counts.")],
    training: Annotated[
        list[str], typer.Option("--train", help="The sections that it learned from; repeat.")
    ],
    draws: Draws = 20,
    sampler: Sampler = "dpm++",
    sampler_steps: Steps = 20,
    seed: Seed = 0,
    report: Annotated[Path | None, typer.Option(help="Write an .html report.")] = None,
    symbols: Symbols = None,
    bin_um: Bin = None,
    mpp: Mpp = None,
    weights: Weights = None,
    device: Device = "auto",
    cache: Cache = None,
    data: Data = None,
) -> None:
    """Compare a checkpoint with ridge regression and retrieval on a held-out section."""
    from napari_stem.checkpoint import load_checkpoint
    from napari_stem.evaluation import iter_evaluate, iter_training_data
    from napari_stem.report import write_report

    loaded = load_checkpoint(checkpoint)
    options = _options(
        cache=cache, device=device, weights=weights, n_draws=draws, seed=seed,
        sampler=(sampler, sampler_steps),
    )  # fmt: skip
    opening: dict[str, Any] = {"mpp": mpp, "bin_um": bin_um, "symbols": symbols}
    known = [_section(name, data, **opening) for name in training]
    tested = _section(section, data, **opening)
    learned = _run(iter_training_data(known, loaded, options))
    evaluation = _run(iter_evaluate(loaded, tested, learned, options))
    _print_scores(evaluation)
    if report:
        write_report(evaluation.prediction, report, scores=evaluation.scores)


@app.command("import")
def import_upstream(
    checkpoint: Annotated[Path, typer.Argument(help="A .pt file of the published code.")],
    data_set: Annotated[Path, typer.Argument(help="The data set that it was trained on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file.")],
    encoder: Annotated[list[str] | None, typer.Option(help="Its encoders, in order.")] = None,
    held_out: Annotated[list[str] | None, typer.Option(help="Slides that it never saw.")] = None,
) -> None:
    """Turn a checkpoint of the published code into one of this package."""
    import numpy as np

    from napari_stem.checkpoint import save_checkpoint
    from napari_stem.upstream import ENCODERS, open_upstream, read_checkpoint

    encoders = encoder or ENCODERS
    opened = open_upstream(data_set, encoders=encoders)
    slides = [slide for slide in opened.slides if slide not in (held_out or ())]
    embeddings = np.concatenate([opened.embeddings(slide) for slide in slides])
    loaded = read_checkpoint(checkpoint, opened.panel, embeddings, encoders=encoders)
    save_checkpoint(loaded, output)
    console.print(f"{len(opened.panel)} genes, {len(embeddings)} training spots: {output}")


@app.command()
def info(
    path: Annotated[str, typer.Argument(help="A slide, spots, a section or a checkpoint.")],
    bin_um: Bin = None,
    data: Data = None,
) -> None:
    """Say what a file is and whether it can be used."""
    from napari_stem.io import is_spot_source, read_spots
    from napari_stem.slide import open_slide

    if path.endswith(".safetensors"):
        from napari_stem.checkpoint import read_about

        recipe, about = read_about(path)
        console.print(f"checkpoint: {len(recipe.panel)} genes, {recipe.transform}, encoders "
                      f"{'+'.join(e.name for e in recipe.encoders)}")  # fmt: skip
        console.print_json(json.dumps({"recipe": json.loads(recipe.to_json()), "about": about}))
    elif _SAMPLE.match(path) or is_spot_source(Path(path)):
        sample = _SAMPLE.match(path)
        _print_spots(_section(path, data).spots if sample else read_spots(path, bin_um=bin_um))
    else:
        with open_slide(path) as slide:
            sizes = ", ".join(f"{level.shape[1]} x {level.shape[0]}" for level in slide.levels)
            scale = f"{slide.mpp:.4g} um/px ({slide.mpp_source})" if slide.mpp else "unknown"
            console.print(f"slide: levels {sizes}; scale {scale}")


@app.command()
def encoders() -> None:
    """List the encoders: numbers a patch, licence, access, and whether the weights are here."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from napari_stem.encoders.hub import availability
    from napari_stem.encoders.registry import ENCODERS

    headings = ("name", "width", "px", "licence", "commercial", "access", "weights")
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 2, 0, 0), pad_edge=False)
    for entry in ENCODERS.values():
        commercial = {True: "allowed", False: "no", None: "unknown"}[entry.commercial]
        table.add_row(
            entry.name, str(entry.width), str(entry.input.size), entry.licence, commercial,
            "request" if entry.gated else "open", availability(entry),
        )  # fmt: skip
    console.print(table)
    console.print("timm:NAME takes any model of timm, with --weights timm:NAME=FILE.")


_SAMPLE = re.compile(r"^(her2st|generated):")


def _run(events: Events[T], mode: str = "bars") -> T:
    """Exhaust a generator of events and show them."""
    from napari_stem._terminal import Bars, print_json
    from napari_stem.events import finish

    if mode == "jsonl":
        with _stoppable(print_json) as show:
            return finish(events, show)
    with Bars(console) as bars, _stoppable(bars.show) as show:
        return finish(events, show)


@contextmanager
def _stoppable(show: Callable[[Event], None]) -> Iterator[Callable[[Event], None]]:
    """Let a signal stop work at its next event, which saves its state; a second one at once."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def show_or_stop(event: Event) -> None:
        show(event)
        if asked:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield show_or_stop
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _orders(listen: bool) -> Iterator[Callable[[], bool]]:
    """Whether standard input has said "finish"; "pause" and its end act as the first Ctrl+C."""
    finish = threading.Event()
    if listen:
        threading.Thread(target=_obey, args=(finish,), daemon=True).start()
    yield finish.is_set


def _obey(finish: threading.Event) -> None:
    while order := _read_order():
        if order == "finish":
            finish.set()
        elif order == "pause":
            break
    if order or not finish.is_set():
        signal.raise_signal(signal.SIGINT)


def _read_order() -> str:
    """The next line, "" at the end. Past Python's buffer, whose lock would outlive us."""
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)
        if not part:
            return ""
        line += part
    return line.decode(errors="replace").strip() or "nothing"


def _section(
    name: str, data: Path | None, *, symbols: Path | None = None, **options: Any
) -> Section:
    from napari_stem.datasets import sample_section
    from napari_stem.gene_names import read_other_symbols, with_other_symbols
    from napari_stem.section import open_section

    sample = _SAMPLE.match(name)
    section = sample_section(name, data=data) if sample else open_section(name, **options)
    if symbols:
        with_other_symbols(section.spots, read_other_symbols(symbols))
    return section


def _section_to_predict(
    slide: str, spots: Path | None, pitch: float, data: Path | None, **options: Any
) -> Section:
    """A section as it is, or a slide with spots from a file or a grid."""
    from napari_stem.grid import make_grid
    from napari_stem.io import is_spot_source
    from napari_stem.io.annotations import has_annotations
    from napari_stem.section import Section, open_section, read_spots_on
    from napari_stem.slide import open_slide
    from napari_stem.slide_files import is_slide

    path = Path(slide)
    if _SAMPLE.match(slide) or is_spot_source(path) or (path.is_dir() and not is_slide(path)):
        return _section(slide, data, **options)
    if spots and not has_annotations(spots):
        section = open_section(spots, image=slide, **options)
        return Section(section.slide.name, section.slide, section.spots)
    opened = open_slide(slide, mpp=options["mpp"])
    if spots:
        grid = read_spots_on(opened, spots, pitch_um=pitch)
    else:
        grid = make_grid(opened, pitch_um=pitch)
    if left_out := grid.uns.get("excluded"):
        console.print(f"left out of the grid: {', '.join(left_out)}")
    return Section(opened.name, opened, grid)


def _source(name: str, data: Path | None, opening: dict[str, Any]) -> SectionSource:
    """A section's place, which still holds when the run is resumed from elsewhere."""
    from napari_stem.datasets import HER2ST, her2st_folder
    from napari_stem.plan import SectionSource

    which = name.removeprefix("her2st:")
    if name.startswith("her2st:") and which in HER2ST:
        return SectionSource(str(her2st_folder(which, data).resolve()), **opening)
    return SectionSource(name if _SAMPLE.match(name) else str(Path(name).resolve()), **opening)


def _held_out(
    text: str | None, data: Path | None, opening: dict[str, Any]
) -> tuple[tuple[SectionSource, ...], float]:
    """A section that is held out, or the share of each."""
    if text is None:
        return (), 0.0
    if re.fullmatch(r"0?\.\d+", text):
        return (), float(text)
    return (_source(text, data, opening),), 0.0


def _options(
    *,
    cache: Path | None,
    device: str,
    weights: list[str] | None,
    sampler: tuple[Any, int] = ("dpm++", 20),
    **options: int,
) -> PredictOptions:
    from napari_stem.prediction import PredictOptions
    from napari_stem.sampling import SamplerConfig
    from napari_stem.storage import cache_dir

    return PredictOptions(
        cache=cache or cache_dir(), device=device, weights=_weights(weights),
        sampler=SamplerConfig(*sampler), **options,
    )  # fmt: skip


def _weights(texts: list[str] | None) -> dict[str, Path]:
    files = {}
    for text in texts or []:
        name, equals, file = text.rpartition("=")
        if not equals:
            raise OptionError(f"--weights {text}: write ENCODER=FILE.")
        files[name] = Path(file)
    return files


def _print_spots(spots: AnnData) -> None:
    from napari_stem.io import source_of
    from napari_stem.spots import mpp_from_pitch, pitch

    source = source_of(spots)
    apart = f", {pitch(spots):.1f} pixels apart" if spots.n_obs > 1 else ""
    console.print(f"spots: {spots.n_obs}{apart}; {spots.n_vars} genes; {source.format}")
    if mpp := source.mpp:
        console.print(f"scale: {mpp:.4g} um/px (stated)")
    elif source.pitch_um and apart:
        mpp = mpp_from_pitch(spots, source.pitch_um)
        console.print(f"scale: {mpp:.4g} um/px (spots are {source.pitch_um:g} um apart)")
    if source.image:
        console.print(f"slide: {source.image}")
    if source.remark:
        console.print(f"note: {source.remark}")


def _print_scores(evaluation: Any) -> None:
    from napari_stem._terminal import scores_table

    console.print(scores_table(evaluation.scores, f"Held out: {evaluation.section}"))


def _has_display() -> bool:
    return sys.platform in ("win32", "darwin") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
