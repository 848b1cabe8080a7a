"""The error tree is what its docstring draws."""

from __future__ import annotations

import inspect
import pickle
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import napari_stem as stem
from napari_stem import errors
from napari_stem._napari.shell.hints import WORDS as WINDOW
from napari_stem._napari.shell.hints import in_words
from napari_stem.api.hints import WORDS as PYTHON
from napari_stem.cli import main
from napari_stem.cli.hints import WORDS as TERMINAL
from napari_stem.errors import Hint, MissingScale, Remedy, SlideNotFound
from napari_stem.slides.slide import Slide

KINDS = [error for _, error in inspect.getmembers(errors, inspect.isclass)]
TREE = [kind for kind in KINDS if issubclass(kind, Exception)]


def test_every_error_is_a_stem_error_and_none_is_lost_on_the_way():
    for error in TREE:
        assert issubclass(error, errors.StemError)
        assert not issubclass(error, (RuntimeError, KeyError))
        assert str(error("what, where, what to do")) == "what, where, what to do"


def test_every_error_is_drawn_in_the_module_docstring():
    assert errors.__doc__ is not None
    for error in TREE:
        assert error.__name__ in errors.__doc__


def test_an_error_keeps_its_hint_through_a_pickle_and_where_its_place_is_added():
    error = SlideNotFound("there is no slide.", hint=Hint(Remedy.IMAGE))
    for other in (pickle.loads(pickle.dumps(error)), error.about("File: 'a'.")):
        assert isinstance(other, SlideNotFound)
        assert other.hint == error.hint
    assert str(error.about("File: 'a'.")) == "there is no slide. File: 'a'."


@pytest.mark.parametrize("remedy", Remedy)
@pytest.mark.parametrize("words", [TERMINAL, WINDOW, PYTHON], ids=["terminal", "window", "python"])
def test_every_front_end_has_words_for_every_remedy(words, remedy: Remedy):
    said = Hint(remedy, "0.5").said(words)
    assert said.endswith(".")
    assert "{" not in said.replace("={", "")  # Python's own braces aside


@pytest.fixture
def scaleless(tmp_path: Path) -> Path:
    """A slide that states no scale."""
    path = tmp_path / "he.png"
    Image.fromarray(np.full((300, 300, 3), 200, np.uint8)).save(path)
    return path


def test_the_terminal_says_which_option_helps(scaleless: Path, monkeypatch, capsys):
    spots, output = scaleless.parent / "spots.csv", scaleless.parent / "o.h5ad"
    spots.write_text("x,y\n100,100\n200,200\n")
    arguments = ["napari-stem", "embed", spots, "-o", output, "--image", scaleless]
    monkeypatch.setattr(sys, "argv", list(map(str, arguments)))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("MissingScale: 'spots' states no micrometres per pixel")
    assert told.rstrip().endswith("Use --mpp 0.5.")


def test_python_says_which_argument_helps(scaleless: Path):
    spots = stem.make_grid(
        Slide.from_array(np.zeros((300, 300, 3), np.uint8), mpp=1.0), on_tissue=False
    )
    with pytest.raises(MissingScale) as raised:
        stem.embed(scaleless, spots, cache=False)
    told = "".join(traceback.format_exception(raised.value))
    assert "--mpp" not in told
    assert told.rstrip().endswith("Pass mpp=0.5.")


def test_the_window_says_where_to_type_it(scaleless: Path):
    with pytest.raises(MissingScale) as raised:
        stem.open_slide(scaleless).require_mpp()
    assert in_words(raised.value).endswith(
        "Type it under Scale in the Predict dock, for example 0.5."
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("It is cut off. '/data/my slides/a.svs'", "It is cut off. 'a.svs'"),
        (r"It is cut off. 'C:\data\my slides\a.svs'", "It is cut off. 'a.svs'"),
        ("/data/run/spots.csv: no header", "spots.csv: no header"),
        ("See https://x.org/a/b, or 1/2.", "See https://x.org/a/b, or 1/2."),
    ],
)
def test_the_window_says_the_name_of_a_file_and_no_path(message: str, said: str):
    assert in_words(errors.SlideError(message)) == said
