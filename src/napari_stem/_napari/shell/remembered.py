"""Settings that outlive a session: choices made in docks, and the plugin's preferences."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import platformdirs
from napari.settings import get_plugin_settings
from napari.utils.notifications import show_warning

from napari_stem.errors import StorageError
from napari_stem.options import options_of
from napari_stem.storage import atomic_path
from napari_stem.text import one_line
from napari_stem.validation import parse_json

Kind = TypeVar("Kind")

_OWN_NAMES: Mapping[str, str] = MappingProxyType({})


def remembered(name: str, default: Any) -> Any:
    """The remembered value of a name; the default if there is none of the same type."""
    value = _read().get(name, default)
    return value if isinstance(value, type(default)) else default


def remember(**choices: Any) -> None:
    """Store choices (numbers, text, lists, dicts) by name for the next start.

    A choice that cannot be stored is dropped without a message.
    """
    try:
        with atomic_path(_path()) as draft:
            draft.write_text(json.dumps({**_read(), **choices}, indent=1), encoding="utf-8")
    except StorageError:
        pass


def remembered_options(kind: type[Kind], keys: Mapping[str, str] = _OWN_NAMES) -> Kind:
    """A dataclass of options as it was remembered; its defaults where it was not.

    `keys` names what is remembered of an option where that is not the option's own name.
    """
    kept = _read()
    usable = {}
    for name, about in options_of(kind).items():
        value = kept.get(keys.get(name, name), about.default)
        if not about.problem(name, value):
            usable[name] = value
    return kind(**usable)


def remember_options(options: Any, keys: Mapping[str, str] = _OWN_NAMES) -> None:
    """Keep the options of a dataclass for `remembered_options`."""
    remember(**{keys.get(name, name): getattr(options, name) for name in options_of(options)})


def with_slide_path() -> bool:
    """The preference whether exports contain the path of their slide."""
    return bool(get_plugin_settings("napari-stem").export.slide_path)


def symbols() -> str:
    """Path of the preferred table of old and current gene symbols, "" for none."""
    return str(get_plugin_settings("napari-stem").genes.symbols).strip()


def _path() -> Path:
    return platformdirs.user_config_path("napari-stem") / "docks.json"


def _read() -> dict[str, Any]:
    try:
        found = parse_json(_path().read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it holds no choices")
    except OSError:
        return {}
    except ValueError as error:
        _put_away(error)
        return {}
    return found


def _put_away(error: ValueError) -> None:
    """Say once that the file is damaged, which is then no longer read."""
    away = _path().with_suffix(".damaged")
    try:
        _path().replace(away)
    except OSError:  # where nothing can be written, it would be said again and again
        return
    show_warning(
        "The choices of the docks could not be read and start from the defaults: "
        f"{one_line(error)}. Kept as '{away}'."
    )
