"""The manifest of a cohort: one row per slide, written as the work goes on."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from napari_stem.errors import CohortError
from napari_stem.evaluation.metrics import METRICS
from napari_stem.events import Seldom
from napari_stem.extras import advice_on
from napari_stem.storage import atomic_path
from napari_stem.text import printable

if TYPE_CHECKING:
    import pandas as pd

    from napari_stem.cohort.order import Listed

State = Literal["done", "failed", "waiting", "running"]
STATES: tuple[State, ...] = get_args(State)
FILE = "manifest.csv"
BETWEEN = ";"  # of the names of several outputs
_TEXT: dict[str, Any] = {"newline": "", "encoding": "utf-8", "errors": "surrogateescape"}


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one slide.

    Attributes
    ----------
    reason
        Why it failed, on one line.
    spots
        Number of its spots; None while it is not known.
    ood_share
        Share of its spots farther from the training tissue than 99 % of a left-out section.
    seconds_open, seconds_embed, seconds_draw, seconds_write
        What each stage took.
    metrics
        Of `evaluation.metrics.METRICS`, by name, where its spots have counts.
    outputs
        Names of its files in the folder of the cohort.
    spot_table
        Path of its spots; "" where they are its own, or a grid.
    keys
        By goal, the same as long as the same is asked for, of the same files; of what is done.
    """

    slide: str
    state: State = "waiting"
    reason: str = ""
    name: str = ""
    patient: str = ""
    spots: int | None = None
    ood_share: float | None = None
    seconds_open: float | None = None
    seconds_embed: float | None = None
    seconds_draw: float | None = None
    seconds_write: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    worker: str = ""
    spot_table: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str]:
        """As of `Listed`."""
        return self.slide, self.spot_table

    @property
    def seconds(self) -> float:
        """What all stages took, as far as they are known."""
        parts = self.seconds_open, self.seconds_embed, self.seconds_draw, self.seconds_write
        return sum(part or 0.0 for part in parts)

    def cells(self) -> dict[str, object]:
        """The row as the file holds it."""
        found: dict[str, object] = {}
        for part in fields(self):
            value = getattr(self, part.name)
            if part.name == "metrics":
                found.update({name: value.get(name) for name in METRICS})
            elif part.name == "keys":
                found["keys"] = BETWEEN.join(f"{goal}={key}" for goal, key in value.items())
            else:
                found[part.name] = BETWEEN.join(value) if part.name == "outputs" else value
        return found


_NUMBERS = {"spots": int, **{f.name: float for f in fields(Row) if "float" in str(f.type)}}


class Manifest:
    """Rows of a cohort by what tells its slides apart, kept in a folder.

    Rows of slides that are not asked for this time stay as they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows = {row.identity: row for row in read_rows(folder)}
        self._asked: dict[tuple[str, str], tuple[str, str]] = {}
        self._seldom = Seldom(1.0)
        self._stale = True

    @property
    def rows(self) -> list[Row]:
        """All rows, in the order in which their slides came."""
        return list(self._rows.values())

    def names(self) -> dict[tuple[str, str], str]:
        """Names that slides have, by their identities."""
        return {identity: row.name for identity, row in self._rows.items()}

    def take(self, listed: Listed, goal: str, key: str, outputs: Sequence[str]) -> bool:
        """Take a slide into the cohort; whether there is something to do for it.

        Parameters
        ----------
        goal, key, outputs
            What is asked for: the kind of work, a key as of `Row.keys`, and names of files.
        """
        row = self._rows.get(listed.identity) or Row(listed.slide, spot_table=listed.spots)
        done = row.keys.get(goal) == key and all((self.folder / f).exists() for f in outputs)
        keys = {**row.keys, goal: key} if done else {g: k for g, k in row.keys.items() if g != goal}
        self._asked[listed.identity] = goal, key
        self._rows[listed.identity] = replace(
            row, state="done" if done else "waiting", reason="", name=listed.name,
            patient=listed.patient, keys=keys,
        )  # fmt: skip
        return not done

    def finish(self, identity: tuple[str, str], failure: str, **changes: Any) -> Row:
        """Change a row whose slide is done, or failed; files of other work stay its outputs."""
        row, (goal, key) = self._rows[identity], self._asked[identity]
        if failure:
            return self.change(identity, state="failed", reason=failure, **changes)
        changes["outputs"] = tuple(dict.fromkeys((*row.outputs, *changes.get("outputs", ()))))
        keys = {**row.keys, goal: key}
        return self.change(identity, state="done", reason="", keys=keys, **changes)

    def change(self, identity: tuple[str, str], **changes: Any) -> Row:
        """Change a row; it is written soon, and at the end."""
        row = self._rows[identity] = replace(self._rows[identity], **changes)
        self._stale = True
        if self._seldom.due():
            with self._seldom:
                self.write()
        return row

    def count(self, identities: Iterable[tuple[str, str]]) -> dict[State, int]:
        """How many of these slides are in each state."""
        found = Counter(self._rows[identity].state for identity in identities)
        return {state: found[state] for state in STATES}

    def wait_again(self) -> None:
        """Slides that were under way when the work stopped wait for the next time."""
        for row in self.rows:
            if row.state == "running":
                self._rows[row.identity] = replace(row, state="waiting")
                self._stale = True

    def write(self) -> None:
        """Write the file, and a Parquet table where that extra is installed.

        Raises
        ------
        StorageError
            It cannot be written; what stood there stays.
        """
        if not self._stale:
            return
        cells = [row.cells() for row in self.rows]
        with atomic_path(self.folder / FILE) as draft, draft.open("w", **_TEXT) as file:
            writer = csv.DictWriter(file, list(Row("").cells()))
            writer.writeheader()
            writer.writerows({name: _text(value) for name, value in row.items()} for row in cells)
        if not advice_on("parquet", "Parquet"):
            with atomic_path((self.folder / FILE).with_suffix(".parquet")) as draft:
                self.table().to_parquet(draft, engine="pyarrow")
        self._stale = False

    def table(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        columns = Row("").cells()
        rows = [{name: _shown(v) for name, v in row.cells().items()} for row in self.rows]
        table = pd.DataFrame(rows, columns=list(columns))
        return table.astype({name: _kind(name) for name in columns if _kind(name)})


def read_rows(folder: Path) -> list[Row]:
    """The rows of a cohort's folder; none where there is no manifest, or a damaged one.

    Work that is not told of is done again, of which stores keep the parts.
    """
    try:
        with (folder / FILE).open(**_TEXT) as file:
            return [_row(cells) for cells in csv.DictReader(file)]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def rows_of_cohort(folder: Path) -> list[Row]:
    """The rows of a folder that a cohort has been written to.

    Raises
    ------
    CohortError
        It holds no manifest, or a damaged one.
    """
    rows = read_rows(folder)
    if not rows:
        raise CohortError(
            f"The folder holds no manifest of a cohort ({FILE}). Choose the folder that a cohort "
            f"was written to. Folder: '{folder}'."
        )
    return rows


def _row(cells: Mapping[str, str]) -> Row:
    if cells["state"] not in STATES:
        raise ValueError(cells["state"])
    given: dict[str, Any] = {}
    for part in fields(Row):
        if part.name == "metrics":
            given["metrics"] = {name: float(cells[name]) for name in METRICS if cells[name]}
        elif part.name == "outputs":
            given["outputs"] = tuple(_parts(cells["outputs"]))
        elif part.name == "keys":
            given["keys"] = dict(text.split("=") for text in _parts(cells["keys"]))
        elif part.name in _NUMBERS:
            text = cells[part.name]
            given[part.name] = _NUMBERS[part.name](text) if text else None
        else:
            given[part.name] = cells[part.name]
    return Row(**given)


def _parts(text: str) -> list[str]:
    return [part for part in text.split(BETWEEN) if part]


def _kind(name: str) -> str:
    """The type of a column of numbers; "" of others."""
    if name == "spots":
        return "Int64"
    return "float64" if name in _NUMBERS or name in METRICS else ""


def _text(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else value


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) else value
