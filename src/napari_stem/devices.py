"""Which device computes."""

from __future__ import annotations

import torch

from napari_stem.errors import Hint, OptionError, Remedy
from napari_stem.text import one_line


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
        return _present("cuda")
    return _present("mps" if torch.backends.mps.is_available() else "cpu")


def present_devices() -> list[str]:
    """Names of the devices that are here, "auto" first."""
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    cuda = ["cuda", *(f"cuda:{i}" for i in range(n_cuda) if n_cuda > 1)] if n_cuda else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["auto", "cpu", *cuda, *mps]


def free_memory(device: torch.device) -> int | None:
    """Bytes that a GPU has left for this process; None of a device that shares the computer's."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


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
