"""The preference of the cache's limit, which shows and changes the limit that the cache keeps.

The cache's own file decides, since terminal and Python have no preferences. The preference can also
be changed before this plugin is loaded; that counts at the next chance.
"""

from __future__ import annotations

from typing import Any

from napari.settings import get_plugin_settings

from napari_stem._napari.shell.remembered import remember, remembered
from napari_stem.cache import limit_gb, set_limit_gb
from napari_stem.storage import cache_dir

_SHOWN = "cache_limit"  # what the preference was when both were last alike


def follow_preference() -> None:
    """Make preference and limit of the cache alike, now and whenever the preference changes."""
    preference = _preference()
    if preference.limit_gb != remembered(_SHOWN, _default(preference)):
        _take(preference.limit_gb)
    else:
        choose_limit(limit_gb(cache_dir()))
    preference.events.limit_gb.connect(_take_changed)


def choose_limit(value: float) -> None:
    """Keep the cache within a size in GB from now on, as the preference then says, too."""
    _take(value)
    _preference().limit_gb = value


def _take_changed(event: Any) -> None:
    _take(event.value)


def _take(value: float) -> None:
    if value != limit_gb(cache_dir()):
        set_limit_gb(cache_dir(), value)
    remember(**{_SHOWN: value})


def _preference() -> Any:
    return get_plugin_settings("napari-stem").cache


def _default(preference: Any) -> float:
    return float(type(preference).model_fields["limit_gb"].default)
