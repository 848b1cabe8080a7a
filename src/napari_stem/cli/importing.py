"""The command `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_stem.cli.output import console
from napari_stem.text import counted


def import_upstream(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint of the published code: a .pt file.")
    ],
    data_set: Annotated[Path, typer.Argument(help="Data set that it was trained on.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Checkpoint to write: a .safetensors file.")
    ],
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Encoder that it was trained with. Can be given several times, in order."
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(help="Slide that training never saw. Can be given several times."),
    ] = None,
) -> None:
    """Convert a checkpoint of the published code."""
    import numpy as np

    from napari_stem.checkpoints.checkpoint import save_checkpoint
    from napari_stem.checkpoints.stem_dataset import ENCODERS, open_upstream
    from napari_stem.checkpoints.stem_upstream import read_checkpoint

    encoders = encoder or ENCODERS
    opened = open_upstream(data_set, encoders=encoders)
    slides = [slide for slide in opened.slides if slide not in (held_out or ())]
    embeddings = np.concatenate([opened.embeddings(slide) for slide in slides])
    loaded = read_checkpoint(checkpoint, opened.panel, embeddings, encoders=encoders)
    save_checkpoint(loaded, output)
    console.print(
        f"{counted(len(opened.panel), 'gene')}, {counted(len(embeddings), 'training spot')}: "
        f"{output}"
    )
