"""What a cache holds, and how its size is kept within a limit.

Each entry is a folder `KIND/NAME` of the cache. The limit lies in the cache itself, so that
terminal, window and Python keep the same one.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from napari_stem.errors import OptionError
from napari_stem.storage import atomic_path
from napari_stem.validation import parse_json

LIMIT_GB = 20.0
LIMITS_GB = (0.01, 100_000.0)  # between which the limit can be set
KINDS = {
    "embeddings": "embeddings of patches",
    "draws": "draws of predictions",
    "overviews": "overviews of slides",
    "her2st": "downloaded sections",
}
_COMPUTED = ("embeddings", "draws", "overviews")  # a download may not be had a second time
_IN_USE = 3600.0  # seconds after its last use in which another process may still use an entry
_SETTINGS = "cache.json"
_REMOVED = ".removed-"


@dataclass(frozen=True, slots=True)
class Entry:
    """One result that is kept.

    Attributes
    ----------
    size
        Bytes.
    used
        Time of its last use, in seconds since 1970.
    """

    path: Path
    kind: str
    size: int
    used: float


def entries(cache: Path) -> list[Entry]:
    """All that a cache holds, the least recently used first."""
    found = [_entry(path, kind) for kind in KINDS for path in _children(cache / kind)]
    return sorted(found, key=lambda entry: entry.used)


def mark_used(path: Path) -> None:
    """Tell that an entry was used now."""
    with suppress(OSError):  # not there yet, or read-only
        os.utime(path)


def limit_gb(cache: Path) -> float:
    """The size in GB that a cache is kept within."""
    try:
        kept = parse_json((cache / _SETTINGS).read_text(encoding="utf-8"))["limit_gb"]
        value = float(kept)
    except (OSError, ValueError, LookupError, TypeError):
        return LIMIT_GB
    return value if _is_possible(value) else LIMIT_GB


def set_limit_gb(cache: Path, value: float) -> None:
    """Keep a cache within a size from now on.

    Raises
    ------
    OptionError
        The size is not between `LIMITS_GB`.
    StorageError
        The cache cannot be written.
    """
    if not _is_possible(value):
        low, high = LIMITS_GB
        raise OptionError(
            f"The cache limit is {value:g} GB; it must be between {low:g} and {high:,.0f} GB."
        )
    with atomic_path(cache / _SETTINGS) as draft:
        draft.write_text(json.dumps({"limit_gb": value}), encoding="utf-8")


def trim(cache: Path) -> int:
    """Remove the least recently used entries beyond the limit; the bytes that were freed.

    What was used within the last hour stays, since another process may still use it. What a wrong
    clock dated in the future is not in use.
    """
    found = entries(cache)
    excess = sum(entry.size for entry in found) - limit_gb(cache) * 1e9
    now = time.time()
    removed: list[Entry] = []
    for entry in found:
        if excess <= 0:
            break
        if entry.kind in _COMPUTED and abs(now - entry.used) > _IN_USE:
            removed.append(entry)
            excess -= entry.size
    return _remove(removed)


def clear(cache: Path, kinds: Iterable[str] = _COMPUTED) -> int:
    """Remove all entries of some kinds; the bytes that were freed."""
    kinds = set(kinds)
    return _remove(entry for entry in entries(cache) if entry.kind in kinds)


def _is_possible(value: float) -> bool:
    return LIMITS_GB[0] <= value <= LIMITS_GB[1]


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _entry(path: Path, kind: str) -> Entry:
    size, used = 0, 0.0
    for folder, _, names in os.walk(path):
        for part in ("", *names):
            with suppress(OSError):  # another process has just removed it
                stat = Path(folder, part).lstat()
                size += stat.st_size if part else 0
                used = max(used, stat.st_mtime)
    return Entry(path, kind, size, used)


def _remove(removed: Iterable[Entry]) -> int:
    freed = 0
    for entry in removed:
        # Renamed first: whoever opens it finds it whole or not at all.
        away = entry.path.with_name(f"{_REMOVED}{uuid.uuid4().hex[:8]}")
        with suppress(OSError):
            entry.path.rename(away)
            shutil.rmtree(away)
            freed += entry.size
    return freed
