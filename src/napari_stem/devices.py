"""Which device computes."""

from __future__ import annotations

import torch

from napari_stem.errors import OptionError


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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device has no room: CUDA has an error of its own, the others tell it in words."""
    texts = ("can't allocate memory", "out of memory")
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(text in str(error) for text in texts)
    )


def _present(name: str) -> torch.device:
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise OptionError(
            f"device '{name}' cannot be used here ({str(error).splitlines()[0]}). "
            "Choose auto or cpu."
        ) from error
