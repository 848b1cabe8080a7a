"""Which device computes, and on how many threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import torch

from napari_stem.errors import Hint, OptionError, Remedy
from napari_stem.text import one_line

_PER_THREAD = 2e9  # multiplications of a pass for which one more thread is worth waiting for
_lock = Lock()
_usual: list[int] = []  # torch's number of threads outside of all blocks, once for each open one


def choose_device(name: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, then Apple's MPS, then the CPU.

    Raises
    ------
    OptionError
        There is no such device here.
    """
    if name != "auto":
        return _present(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def present_devices() -> list[str]:
    """Names of the devices that are here, "auto" first."""
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = ["cuda", *(f"cuda:{i}" for i in range(n_cuda) if n_cuda > 1)] if n_cuda else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["auto", "cpu", *cuda, *mps]


@contextmanager
def threads_for(multiplications: float) -> Iterator[None]:
    """Let torch use as many threads as passes of this size keep busy, within a block.

    Threads of a small network wait for each other at every layer. If another process is busy, a
    wait lasts as long as that process runs, and two threads are 10 to 200 times slower than one
    (benchmarks/RESULTS.md). The number is set where the network is evaluated, in the thread
    that does so: libraries with an OpenMP layer of their own (numba's) change it for their caller.

    Parameters
    ----------
    multiplications
        About how many one pass of a batch takes.
    """
    with _lock:  # a thread that starts meanwhile begins with the fewer threads of this block
        usual = _usual[-1] if _usual else torch.get_num_threads()
        _usual.append(usual)
    torch.set_num_threads(max(1, min(usual, int(multiplications / _PER_THREAD))))
    try:
        yield
    finally:
        torch.set_num_threads(usual)
        with _lock:
            _usual.pop()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device has no room: CUDA has an error of its own, others tell it in words."""
    texts = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in texts)
    )


def _present(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise OptionError(
            f"Device '{name}' is not available: {one_line(error)}.",
            hint=Hint(Remedy.DEVICE, "auto"),
        ) from error
