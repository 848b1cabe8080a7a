"""Loading torch in a process that draws with OpenGL."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module


def load_triton_apart() -> None:
    """Load triton, which torch loads where it is installed, with symbols of its own.

    Mesa's drivers for AMD cards and for none at all bring LLVM into the process. Triton, loaded
    after a window was drawn, would call into that LLVM instead of its own and crash.
    """
    if "triton" in sys.modules or not hasattr(os, "RTLD_DEEPBIND"):
        return
    flags = sys.getdlopenflags()
    sys.setdlopenflags(flags | os.RTLD_DEEPBIND)
    try:
        with suppress(ImportError):
            import_module("triton")
    finally:
        sys.setdlopenflags(flags)
