"""Forms of options: a control for each, made by magicgui from what the option says of itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, LineEdit
from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFormLayout, QSizePolicy, QWidget

from napari_stem._napari.shell.fold import Fold
from napari_stem.options import Choices, Option, options_of

Kind = TypeVar("Kind")

_MOST_DECIMALS = 6


class Form(QObject):
    """Controls of options by name, which a panel lays out with `rows` and `folded`.

    Parameters
    ----------
    options
        What is asked for, in this order.
    values
        What is chosen at first; the options' defaults elsewhere.
    """

    changed = Signal()

    def __init__(
        self, options: Mapping[str, Option], values: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._fields = {name: _field(name, about) for name, about in options.items()}
        self.set(**{name: about.default for name, about in options.items()} | dict(values or {}))
        for entry in self._fields.values():
            entry.widget.changed.connect(self._tell)

    @classmethod
    def of(cls, *chosen: Any) -> Form:
        """A form of dataclasses' options, filled with what they hold."""
        options = {name: about for each in chosen for name, about in options_of(each).items()}
        values = {name: getattr(each, name) for each in chosen for name in options_of(each)}
        return cls(options, values)

    def __getitem__(self, name: str) -> QWidget:
        """The control of an option."""
        return self._fields[name].widget.native

    def values(self) -> dict[str, Any]:
        """What is chosen, by the options' names; None where nothing is."""
        return {name: entry.value for name, entry in self._fields.items()}

    def value(self, kind: type[Kind]) -> Kind:
        """What is chosen of a dataclass's options."""
        return kind(**{name: self._fields[name].value for name in options_of(kind)})

    def set(self, **values: Any) -> None:
        """Choose values by the options' names."""
        for name, value in values.items():
            self._fields[name].value = value

    def offer(self, name: str, choices: Choices) -> None:
        """Offer other values of an option with choices; the chosen one stays if it is among them.

        `changed` is emitted only if it is not.
        """
        entry = self._fields[name]
        assert isinstance(entry, _Choice)
        entry.offer(choices)

    def rows(self, *, advanced: bool = False) -> list[tuple[str, QWidget]]:
        """Labels and controls: of the options that everybody sees, or of the advanced ones."""
        fields = self._fields.items()
        return [(e.about.label, self[name]) for name, e in fields if e.about.advanced is advanced]

    def folded(self) -> Fold:
        """The advanced options, folded away."""
        content = QWidget()
        layout = QFormLayout(content)
        layout.setContentsMargins(0, 0, 0, 0)
        for label, control in self.rows(advanced=True):
            layout.addRow(label, control)
        return Fold("Advanced options", "The defaults work for most slides.", content)

    def _tell(self) -> None:
        self.changed.emit()


class _Field:
    """An option and its control."""

    def __init__(self, about: Option, widget: Any) -> None:
        self.about, self.widget = about, widget
        widget.tooltip = _tip(about)
        widget.native.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def value(self) -> Any:
        """What is chosen."""
        return self.widget.value

    @value.setter
    def value(self, value: Any) -> None:
        self.widget.value = value


class _Number(_Field):
    """A number; below its smallest one it is unset.

    Qt's box of whole numbers ends at 2**31, magicgui's can say nothing of "unset"; the box of
    decimals holds all whole numbers to 2**53 and does.
    """

    def __init__(self, name: str, about: Option) -> None:
        super().__init__(about, FloatSpinBox(name=name))
        box = self.widget.native
        box.setDecimals(0 if about.kind is int else _decimals(about))
        self.widget.min = _below(about) if about.unset else about.minimum
        self.widget.max, self.widget.step = about.maximum, about.step
        box.setSpecialValueText(about.unset)
        if about.unit:
            box.setSuffix(f" {about.unit}")

    @property
    def value(self) -> Any:
        chosen = self.widget.value
        return None if chosen < self.about.minimum else self.about.kind(chosen)

    @value.setter
    def value(self, value: Any) -> None:
        self.widget.value = self.widget.min if value is None else value


class _Choice(_Field):
    """One of several, by its name for people."""

    def __init__(self, name: str, about: Option) -> None:
        self._named = dict(about.allowed() or {value: value for value in about.examples})
        box = ComboBox(name=name, choices=self._choices, nullable=bool(about.unset))
        super().__init__(about, box)
        box.null_string = about.unset
        box.reset_choices()

    @property
    def value(self) -> Any:
        return self.widget.value

    @value.setter
    def value(self, value: Any) -> None:
        if self.about.examples and value not in self._named:
            self._named[value] = value
            self.widget.reset_choices()
        self.widget.value = value

    def offer(self, named: Choices) -> None:
        """Replace the choices; the value stays if it is among them, else it is the first one."""
        chosen = self.value
        self._named = dict(named)
        with self.widget.changed.blocked():
            self.widget.reset_choices()
            self.widget.value = chosen if chosen in self._named else next(iter(self._named))
        if self.value != chosen:
            self.widget.changed.emit(self.value)

    def _choices(self, _: Any) -> list[tuple[str, Any]]:
        """What is offered; magicgui asks again whenever the box comes to another window."""
        return [(text, value) for value, text in self._named.items()]


def _field(name: str, about: Option) -> _Field:
    if about.allowed() is not None or about.examples:
        return _Choice(name, about)
    if about.kind in (int, float):
        return _Number(name, about)
    field = _Field(about, (CheckBox if about.kind is bool else LineEdit)(name=name))
    if about.kind is bool:
        field.widget.text = ""  # the row has a label
    return field


def _tip(about: Option) -> str:
    """What changing it does, its unit and its default."""
    return f"{about.help} Default: {about.in_words(about.default) or 'none'}."


def _below(about: Option) -> float:
    """The last number of the arrows' steps that lies below the smallest one."""
    return about.step * (math.ceil(about.minimum / about.step) - 1)


def _decimals(about: Option) -> int:
    """As many as all ends and steps of a number need."""
    numbers = (about.minimum, about.maximum, about.step)
    return max(map(_digits, numbers))


def _digits(number: float) -> int:
    return len(f"{number % 1:.{_MOST_DECIMALS}f}".rstrip("0").partition(".")[2])
