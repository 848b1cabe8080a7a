"""Names of layers, which tell slides apart while several are open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_stem._napari.canvas import heatmap, layers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

    from napari_stem._napari.state.workspace import Workspace
    from napari_stem.slides.slide import Slide

_COUNT = r"( \[\d+\])?"  # by which napari tells equal names apart


def name_of(content: str, slide: Slide, workspace: Workspace) -> str:
    """The name of a layer: what it shows, and on which slide if several are open."""
    return f"{content} · {workspace.name_of(slide)}" if len(workspace.slides) > 1 else content


def name_layers(stack: Iterable[Layer], workspace: Workspace) -> None:
    """Name the layers of the open slides anew; names given by a user stay."""
    for layer in stack:
        slide = layers.slide_among(workspace.slides, layer)
        if slide is None:
            continue
        if layers.role_of(layer) == "slide":
            if re.fullmatch(f"{_slide(slide)}{_COUNT}", layer.name):
                layers.update(layer, name=workspace.name_of(slide))
        elif content := _content(layer, slide):
            layers.update(layer, name=name_of(content, slide, workspace))


def _content(layer: Layer, slide: Slide) -> str:
    """What a layer shows, by its name; "" if a user gave that name."""
    found = re.fullmatch(f"(.+?)( · {_slide(slide)})?{_COUNT}", layer.name)
    content = found[1] if found else ""
    usual = layers.NAMES.get(layers.role_of(layer) or "")
    return content if content == usual or heatmap.has_colour_bar(layer) else ""


def _slide(slide: Slide) -> str:
    """A pattern of the names that tell a slide from others."""
    return f"(.*/)?{re.escape(slide.name)}"
