"""Functions of arrays in a child process, which holds up no window and can be stopped at any time.

`python -m napari_stem.analysis.apart MODULE FUNCTION` reads arguments and writes what is found.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check

_WAIT = 0.2  # seconds
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows shows one otherwise


def call_apart(
    function: Callable[..., NDArray[Any]], check: Check, **arguments: NDArray[Any] | float
) -> NDArray[Any]:
    """What a function gives for arrays and numbers; in this process where no child can be started.

    Parameters
    ----------
    function
        Of those at the top of a module.
    check
        Called often; what it raises ends the child.
    """
    try:
        child = _started(function, arguments)
    except OSError:
        return function(**arguments)
    answer = _answer(child, check)
    try:
        found: NDArray[Any] = np.load(io.BytesIO(answer))
    except (ValueError, EOFError):  # it failed
        return function(**arguments)
    return found


def _started(
    function: Callable[..., object], arguments: Mapping[str, NDArray[Any] | float]
) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, "-m", "napari_stem.analysis.apart", function.__module__, function.__name__,
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with TemporaryFile() as order:  # a pipe would have to be fed while the child is awaited
        np.savez(order, allow_pickle=False, **arguments)
        order.seek(0)
        return subprocess.Popen(
            command, stdin=order, stdout=pipe, stderr=pipe, creationflags=_NO_CONSOLE
        )


def _answer(child: subprocess.Popen[bytes], check: Check) -> bytes:
    """What a child writes; nothing if it fails."""
    with child:
        try:
            while True:
                check()
                with suppress(subprocess.TimeoutExpired):
                    return child.communicate(timeout=_WAIT)[0]
        except BaseException:
            child.kill()
            raise


def _serve(module: str, name: str) -> None:
    answer, out = io.BytesIO(), sys.stdout.buffer
    sys.stdout = sys.stderr  # for whatever libraries print
    order = np.load(sys.stdin.buffer)
    arguments = {key: value if value.ndim else value.item() for key, value in order.items()}
    np.save(answer, getattr(import_module(module), name)(**arguments))
    out.write(answer.getvalue())


if __name__ == "__main__":
    _serve(*sys.argv[1:])
