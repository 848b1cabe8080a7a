"""Options that several commands share, and what they say to the core."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from napari_stem.analysis.leiden_options import LeidenOptions
from napari_stem.cli.flags import Flags
from napari_stem.errors import OptionError
from napari_stem.exports.registry import formats
from napari_stem.features.compute import Compute
from napari_stem.options import options_of
from napari_stem.prediction.options import PredictOptions
from napari_stem.prediction.statistics import ON_DEMAND

Drawing = Annotated[dict[str, Any], Flags(options_of(PredictOptions))]
Computing = Annotated[dict[str, Any], Flags(options_of(Compute))]
Mpp = Annotated[
    float | None,
    typer.Option(help="Scale of the slide in µm/px, if the file states none or a wrong value."),
]
Image = Annotated[
    Path | None, typer.Option(help="Slide image, if it is not in the folder of the spots.")
]
Images = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="[SECTION=]FILE",
        help="Slide image of a section, if it is not in the folder of the spots. With several "
        "sections name the section, as in x.h5ad=HE.jpg. Can be given several times.",
    ),
]
Bin = Annotated[
    float | None,
    typer.Option("--bin", help="Bin size in µm of Visium HD, or side of the squares for Xenium."),
]
Symbols = Annotated[
    Path | None,
    typer.Option(
        help="Table of old and current gene symbols: HGNC's complete set, or two columns."
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ENCODER=FILE",
        help="Local weights of an encoder, a file or folder. Can be given several times.",
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option(help="Folder that caches embeddings and draws; default: the user's cache."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="NAPARI_STEM_DATA", help="Folder that contains her2st/, instead of downloading it."
    ),
]
Genes = Annotated[
    list[str] | None,
    typer.Option("--gene", help="Gene to show in figures and reports. Can be given several times."),
]
Statistics = Annotated[
    list[str] | None,
    typer.Option(
        "--statistic",
        help=f"Further statistic over the draws, as a layer: {', '.join(ON_DEMAND)}. Can be "
        "given several times.",
    ),
]
Threshold = Annotated[
    float,
    typer.Option(help="Threshold of the statistic above, in the log space of the prediction."),
]
TissueShare = Annotated[
    float,
    typer.Option(min=0, max=1, help="Least share of a spot of a grid that must be tissue."),
]
Clustering = Annotated[dict[str, Any], Flags(options_of(LeidenOptions))]
PanelFile = Annotated[
    Path | None,
    typer.Option(help="File with the genes, one per line, instead of selecting them."),
]
Encoders = Annotated[list[str] | None, typer.Option(help="Encoder; several are concatenated.")]
Sections = Annotated[
    list[str],
    typer.Argument(
        metavar="SECTION...",
        help="Section folders with image, spots and counts, or samples such as her2st:C2.",
    ),
]
Output = Annotated[
    list[Path] | None,
    typer.Option(
        "--output",
        "-o",
        help=f"File to write, by suffix: {formats()}. Can be given several times.",
    ),
]
Progress = Annotated[
    Literal["bars", "jsonl"],
    typer.Option("--events", help="Show progress as bars, or as JSON lines for other programs."),
]


def files_of(cache: Path | None, weights: list[str] | None) -> dict[str, Any]:
    """The chosen cache or the user's own, and local weights, as Python's verbs take them."""
    return {"cache": cache or True, "weights": weight_files(weights)}


def image_files(texts: list[str] | None, sections: Sequence[str]) -> dict[str, str]:
    """Images by section, of texts such as HE.jpg, for one section, or x.h5ad=HE.jpg."""
    files = {}
    for text in texts or []:
        named = next((name for name in sections if text.startswith(f"{name}=")), None)
        if named is None and len(sections) != 1:
            raise OptionError(
                f"--image is '{text}'; with several sections use SECTION=FILE, for example "
                f"{next(iter(sections), 'SECTION')}={text}."
            )
        name = named or sections[0]
        files[name] = text.removeprefix(f"{name}=")
    return files


def weight_files(texts: list[str] | None) -> dict[str, Path]:
    """Files or folders by encoder, of texts such as uni=model.bin."""
    files = {}
    for text in texts or []:
        name, equals, file = text.rpartition("=")
        if not equals:
            raise OptionError(
                f"--weights is '{text}'; use ENCODER=FILE, for example uni=model.bin."
            )
        files[name] = Path(file)
    return files
