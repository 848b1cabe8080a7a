"""The window reacts while it works; `benchmarks/stall.py` tells how fast."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "stall.py"
LONGEST = 1000  # ms; a window that does not react for so long is broken, on any machine


@pytest.fixture
def benchmark() -> ModuleType:
    spec = spec_from_file_location("stall", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_nothing_blocks_the_window(benchmark, viewer, section, trained, tmp_path):
    longest = {
        what: max(late)
        for what, late in benchmark.stalls(viewer, section, trained.path, tmp_path, 500)
    }
    meant = [longest[what] for what in ("predicting", "clustering", "training")]
    assert max(meant) < LONGEST, longest
