"""Choices that docks remember between starts."""

from __future__ import annotations

import json
from typing import Any

import platformdirs

from napari_stem.errors import StorageError
from napari_stem.storage import atomic_path


def remembered(name: str, default: Any) -> Any:
    """What was remembered under a name, if it is of the default's kind."""
    value = _read().get(name, default)
    return value if isinstance(value, type(default)) else default


def remember(**choices: Any) -> None:
    """Keep choices (numbers, text, lists, tables) under their names.

    A choice that cannot be kept is no reason to disturb anybody.
    """
    try:
        with atomic_path(_path()) as draft:
            draft.write_text(json.dumps({**_read(), **choices}, indent=1), encoding="utf-8")
    except StorageError:
        pass


def _path() -> Any:
    return platformdirs.user_config_path("napari-stem") / "docks.json"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
