"""Checkpoints, recipes, encoders and machines as callers may give them: objects or names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from napari_stem.checkpoints.checkpoint import Checkpoint, load_checkpoint
from napari_stem.checkpoints.recipe import Recipe
from napari_stem.errors import WrongType
from napari_stem.features.compute import Compute
from napari_stem.features.encoders.entry import Encoder
from napari_stem.features.encoders.registry import find_encoder
from napari_stem.storage import cache_dir

CheckpointLike: TypeAlias = "Checkpoint | str | Path"
EncodersLike: TypeAlias = "Encoder | str | Sequence[Encoder | str]"
CacheLike: TypeAlias = "bool | str | Path | None"
Weights: TypeAlias = "Mapping[str, str | Path] | None"


def as_checkpoint(value: CheckpointLike) -> Checkpoint:
    """A checkpoint, read if a path is given."""
    if isinstance(value, Checkpoint):
        return value
    if isinstance(value, str | Path):
        return load_checkpoint(value)
    raise WrongType.of("checkpoint", value, "a checkpoint, or the path of one")


def checked_recipe(recipe: Recipe) -> Recipe:
    """The recipe, or an error that says where one comes from."""
    if not isinstance(recipe, Recipe):
        raise WrongType.of("recipe", recipe, "a recipe (from make_recipe)")
    return recipe


def as_encoders(value: EncodersLike) -> tuple[Encoder, ...]:
    """Entries of the registry, found if names are given."""
    several = [value] if isinstance(value, str | Encoder) else value
    if not isinstance(several, Iterable):
        raise WrongType.of("encoders", value, 'names of encoders such as "uni"')
    return tuple(one if isinstance(one, Encoder) else find_encoder(one) for one in several)


def as_cache(value: CacheLike) -> Path | None:
    """The folder of a cache: True is the user's own, which the terminal and napari share."""
    if value is True:
        return cache_dir()
    return Path(value) if value else None


def with_files(compute: Compute, cache: CacheLike, weights: Weights) -> Compute:
    """The same with a cache and local weights."""
    files = {name: Path(file) for name, file in (weights or {}).items()}
    return replace(compute, cache=as_cache(cache), weights=files)
