"""Device, batch sizes, cache and weights of heavy work, as one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_stem.defaults import DEVICES
from napari_stem.features.loaded import Loaded
from napari_stem.options import check_options, option


@dataclass(frozen=True, slots=True)
class Compute:
    """Device, memory and files of embedding, drawing and training; none changes a result.

    `allow_low_resolution` lets work go on that would otherwise be refused.

    Attributes
    ----------
    cache
        Folder that keeps embeddings and draws, so that stopped work goes on; None keeps nothing.
    weights
        Local weight files of encoders, or their folders, by encoder name.
    loaded
        What is on the device already, so that one `Compute` loads an encoder once.
    """

    device: str = option(
        "auto",
        "Device",
        "auto uses a GPU if there is one; cpu, cuda, cuda:1 and mps choose a device.",
        examples=DEVICES,
        advanced=True,
    )
    batch_size: int | None = option(
        None,
        "Batch size",
        "Maximum number of spots per batch of the network; automatic takes as many as keep the "
        "device busy and fit into its free memory. Halved when memory runs out.",
        kind=int,
        minimum=1,
        maximum=65_536,
        unset="automatic",
        advanced=True,
    )
    patch_batch_size: int = option(
        64,
        "Patch batch",
        "Patches per batch of an encoder; halved when memory runs out.",
        minimum=1,
        maximum=65_536,
        advanced=True,
    )
    readers: int | None = option(
        None,
        "Readers",
        "Threads that read and decode patches ahead of an encoder; more help a fast GPU. With 0, "
        "reading takes turns with encoding. Automatic is 2, or 0 where a single CPU thread "
        "computes.",
        kind=int,
        minimum=0,
        maximum=256,
        unset="automatic",
        advanced=True,
    )
    compile: bool = option(
        False,
        "Compile",
        "Compile the network's layers first, which takes up to a minute in which nothing can be "
        "stopped; for large networks on a GPU. Needs a C++ compiler, on a GPU also Triton.",
        advanced=True,
    )
    allow_low_resolution: bool = option(
        False,
        "Allow low resolution",
        "Go on although the image has too few pixels for the patches; predictions are then "
        "unreliable.",
        advanced=True,
    )
    cache: Path | None = None
    weights: Mapping[str, Path] = field(default_factory=dict)
    loaded: Loaded = field(default_factory=Loaded, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_options(self)
