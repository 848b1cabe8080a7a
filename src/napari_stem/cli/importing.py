"""The command `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_stem.cli.console import console


def import_upstream(
    checkpoint: Annotated[Path, typer.Argument(help="A .pt file of the published code.")],
    data_set: Annotated[Path, typer.Argument(help="The data set that it was trained on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .safetensors file.")],
    encoder: Annotated[list[str] | None, typer.Option(help="Its encoders, in order.")] = None,
    held_out: Annotated[list[str] | None, typer.Option(help="Slides that it never saw.")] = None,
) -> None:
    """Turn a checkpoint of the published code into one of this package."""
    import numpy as np

    from napari_stem.checkpoints.checkpoint import save_checkpoint
    from napari_stem.checkpoints.stem_upstream import ENCODERS, open_upstream, read_checkpoint

    encoders = encoder or ENCODERS
    opened = open_upstream(data_set, encoders=encoders)
    slides = [slide for slide in opened.slides if slide not in (held_out or ())]
    embeddings = np.concatenate([opened.embeddings(slide) for slide in slides])
    loaded = read_checkpoint(checkpoint, opened.panel, embeddings, encoders=encoders)
    save_checkpoint(loaded, output)
    console.print(f"{len(opened.panel)} genes, {len(embeddings)} training spots: {output}")
