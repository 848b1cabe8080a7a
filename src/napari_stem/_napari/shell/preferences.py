"""Preferences that napari's own window shows and keeps."""

from __future__ import annotations

from napari.settings import get_plugin_settings


def with_slide_path() -> bool:
    """Whether exports tell where their slide lies."""
    return bool(get_plugin_settings("napari-stem").export.slide_path)


def symbols() -> str:
    """The table of old and current gene symbols, "" for none."""
    return str(get_plugin_settings("napari-stem").genes.symbols).strip()
