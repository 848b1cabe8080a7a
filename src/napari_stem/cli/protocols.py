"""The command `protocol`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_stem.cli.options import Cache, Encoders, Weights, weight_files
from napari_stem.cli.output import console, run_events, say
from napari_stem.defaults import Preset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_stem.evaluation.metrics import Scores
    from napari_stem.training.protocol import Protocol

_METRICS = ("pcc_10", "pcc_50", "pcc_all", "mae", "mse", "rvd")


def protocol(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="Protocol: a TOML file, or a name; none lists them."),
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the sections, held-out ones among them.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Run folder, which resumes; default: runs/ and the name.")
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(help="Section to hold out instead. Can be given several times."),
    ] = None,
    preset: Annotated[Preset | None, typer.Option(help="Instead of the protocol's.")] = None,
    encoder: Encoders = None,
    genes: Annotated[
        int | None, typer.Option(min=1, help="Number of genes, for DEG of each region.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Training steps instead.")] = None,
    weights: Weights = None,
    cache: Cache = None,
) -> None:
    """Repeat a published experiment, and print its metrics beside the published ones."""
    from napari_stem.errors import OptionError
    from napari_stem.io import find_sections
    from napari_stem.storage import cache_dir
    from napari_stem.training.plan import SectionSource
    from napari_stem.training.protocol import iter_protocol, protocols, read_protocol

    if name is None:
        for known in protocols():
            say(f"{known}: {read_protocol(known).title}")
        return
    chosen = read_protocol(name)
    if data is None or not data.is_dir():
        raise OptionError(f"Name the folder that holds the sections of '{name}' with --data.")
    given = {
        "held_out": held_out,
        "preset": preset,
        "encoders": encoder,
        "genes": genes,
        "steps": steps,
        "weights": {key: str(path.resolve()) for key, path in weight_files(weights).items()},
    }
    sections = [SectionSource(str(path.resolve())) for path in find_sections(data)]
    plans = chosen.plans(sections, **{key: value for key, value in given.items() if value})
    folder = run or Path("runs") / Path(name).stem
    rows = run_events(iter_protocol(chosen, plans, folder, cache or cache_dir()))
    _print(chosen, rows)
    changed = [key.replace("_", "-") for key in given if given[key] and key != "weights"]
    if changed:
        say(f"Not as published: {', '.join(changed)}. The rows cannot be compared.")


def _print(protocol: Protocol, rows: Mapping[str, Scores]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from napari_stem.evaluation.metrics import METRICS

    headings = [METRICS[metric].heading for metric in _METRICS]
    table = Table(
        "method", *headings, box=SIMPLE_HEAD, title=protocol.title, title_justify="left",
        caption="-: not given", caption_justify="left",
    )  # fmt: skip
    published = {f"{method} (paper)": scores for method, scores in protocol.paper.items()}
    for method, scores in {**rows, **published}.items():
        cells = (METRICS[x].text(scores[x]) if x in scores else "-" for x in _METRICS)
        table.add_row(method, *cells)
    console.print(table)
