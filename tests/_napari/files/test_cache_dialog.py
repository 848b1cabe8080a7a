"""The cache is shown, limited and cleared from napari's menu."""

from __future__ import annotations

import pytest
from napari.settings import get_plugin_settings
from qtpy.QtWidgets import QApplication

from napari_stem._napari.files.cache_dialog import CacheDialog
from napari_stem.cache import entries, limit_gb

from ..conftest import LEFT
from ..private_names import get_app_model


@pytest.fixture
def cache(home):
    """Five megabytes of draws and a download."""
    for kind in ("draws", "her2st"):
        (home / "cache" / kind / "one").mkdir(parents=True)
        (home / "cache" / kind / "one" / "0").write_bytes(bytes(5_000_000))
    return home / "cache"


@pytest.fixture
def dialog(viewer, cache, qtbot):
    get_app_model().commands.execute_command("napari-stem.cache").result()
    (shown,) = [w for w in QApplication.topLevelWidgets() if isinstance(w, CacheDialog)]
    qtbot.waitUntil(lambda: shown.sizes["draws"].text() != "…")
    yield shown
    shown.close()


def test_sizes_are_shown_by_kind(dialog):
    assert dialog.sizes["draws"].text() == "5.0 MB in 1 result"
    assert dialog.sizes["embeddings"].text() == "0 bytes in 0 results"


def test_clearing_keeps_downloads(dialog, cache, qtbot):
    qtbot.mouseClick(dialog.clear_button, LEFT)
    qtbot.waitUntil(lambda: dialog.sizes["draws"].text().startswith("0 bytes"))
    assert [entry.kind for entry in entries(cache)] == ["her2st"]


def test_a_limit_stays_with_the_cache(dialog, cache):
    dialog.limit.setValue(7)
    assert limit_gb(cache) == get_plugin_settings("napari-stem").cache.limit_gb == 7
