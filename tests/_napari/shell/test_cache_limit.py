"""Preferences, dialog and terminal keep one limit of the cache."""

from __future__ import annotations

import pytest
from napari.settings import get_plugin_settings

from napari_stem._napari.shell.cache_limit import choose_limit, follow_preference
from napari_stem.cache import limit_gb, set_limit_gb


@pytest.fixture
def preference(home):
    found = get_plugin_settings("napari-stem").cache
    found.limit_gb = 20
    return found


def test_the_preference_shows_and_changes_the_limit_of_the_cache(preference, home):
    cache = home / "cache"
    set_limit_gb(cache, 7)  # as the terminal does
    follow_preference()
    assert preference.limit_gb == 7
    preference.limit_gb = 9
    assert limit_gb(cache) == 9
    choose_limit(0.5)
    assert limit_gb(cache) == preference.limit_gb == 0.5
    set_limit_gb(cache, 30)
    follow_preference()
    assert limit_gb(cache) == preference.limit_gb == 30


def test_a_preference_changed_before_the_plugin_is_loaded_counts(preference, home):
    preference.limit_gb = 3
    follow_preference()
    assert limit_gb(home / "cache") == preference.limit_gb == 3
