"""Settings that outlive a session: choices made in docks, and the plugin's preferences."""

from __future__ import annotations

import json
from typing import Any

import platformdirs
from napari.settings import get_plugin_settings

from napari_stem.errors import StorageError
from napari_stem.storage import atomic_path


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


def with_slide_path() -> bool:
    """The preference whether exports contain the path of their slide."""
    return bool(get_plugin_settings("napari-stem").export.slide_path)


def symbols() -> str:
    """Path of the preferred table of old and current gene symbols, "" for none."""
    return str(get_plugin_settings("napari-stem").genes.symbols).strip()


def _path() -> Any:
    return platformdirs.user_config_path("napari-stem") / "docks.json"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
