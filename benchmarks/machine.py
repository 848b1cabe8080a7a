"""What benchmarks share: the device that computes, and the line of where figures come from."""

from __future__ import annotations

import argparse
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch

from napari_stem.devices import choose_device
from napari_stem.workers import usual_threads


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with --device; `present` checks it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--device", default="auto", type=present, help="auto (default), cpu, cuda, cuda:1 or mps"
    )
    return parser


def present(name: str) -> str:
    """The name of a device, which is refused if it is not here; prints where figures are from."""
    device = choose_device(name)
    processor = Path("/proc/cpuinfo")
    models = [
        line.partition(": ")[2]
        for line in (processor.read_text().splitlines() if processor.exists() else ())
        if line.startswith("model name")
    ]
    machine = models[0] if models else platform.processor()
    graphics = f", {torch.cuda.get_device_name(device)}" if device.type == "cuda" else ""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=Path(__file__).parent,
        capture_output=True, text=True, check=False,
    ).stdout.strip()  # fmt: skip
    print(
        f"{machine}, {usual_threads()} threads{graphics}; {device}; commit {commit or 'unknown'}; "
        f"torch {torch.__version__}; {datetime.now(UTC):%d %B %Y}",
        flush=True,
    )
    return str(device)
