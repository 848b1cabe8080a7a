"""What the commands share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache, so that patches of one section are embedded once for all tests."""
    return tmp_path_factory.mktemp("cache")
