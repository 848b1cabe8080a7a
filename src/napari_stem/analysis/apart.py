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

from napari_stem.errors import StemError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_stem.events import Check

_WAIT = 0.2  # seconds
_NO_CONSOLE = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows shows one otherwise


def call_apart(
    function: Callable[..., NDArray[Any]], check: Check, **arguments: Any
) -> NDArray[Any]:
    """What a function gives for arrays and numbers; in this process where a child cannot do it.

    Parameters
    ----------
    function
        Of those at the top of a module.
    check
        Called often; what it raises ends the child.

    Raises
    ------
    StemError
        The system ended the child.
    """
    try:
        child = _started(function, arguments)
    except OSError:
        return function(**arguments)
    answer = _answer(child, check)
    if child.returncode < 0:
        raise StemError(
            f"The system ended a part of the work (signal {-child.returncode}), probably because "
            "memory ran out. Close other programs, or take fewer spots."
        )
    if child.returncode > 0:  # this Python starts no modules
        return function(**arguments)
    found: NDArray[Any] = np.load(io.BytesIO(answer))
    return found


def _started(
    function: Callable[..., object], arguments: Mapping[str, Any]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", "napari_stem.analysis.apart"]
    command += [function.__module__, function.__name__]
    pipe = subprocess.PIPE
    with TemporaryFile() as order:  # a pipe would have to be fed while the child is awaited
        np.savez(order, **arguments)
        order.seek(0)
        return subprocess.Popen(
            command, stdin=order, stdout=pipe, stderr=pipe, creationflags=_NO_CONSOLE
        )


def _answer(child: subprocess.Popen[bytes], check: Check) -> bytes:
    """What a child writes until it ends."""
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
