"""Samples are found locally, or downloaded, checked and kept."""

from __future__ import annotations

import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from napari_stem.errors import OptionError, SlideNotFound
from napari_stem.sections import public_data
from napari_stem.sections.public_data import DATA_VARIABLE, HER2ST, her2st_folder, sample_section
from napari_stem.storage import CACHE_VARIABLE


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A local server that publishes section C2 with three small files, and their hashes."""
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    published = []
    for path, _ in HER2ST["C2"]:
        file = tmp_path / "www" / path
        file.parent.mkdir(parents=True)
        file.write_text(path)
        published.append((path, hashlib.sha256(path.encode()).hexdigest()))
    monkeypatch.setitem(public_data.HER2ST, "C2", tuple(published))  # type: ignore[arg-type]
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", tmp_path / "www"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_section_is_downloaded_once_and_checked(mirror):
    url, www = mirror
    folder = her2st_folder("C2", url=url)
    assert sorted(p.name for p in folder.iterdir()) == ["HE.jpg", "counts.tsv.gz", "spots.tsv"]
    for file in www.rglob("*.*"):
        file.unlink()
    assert her2st_folder("C2", url=url) == folder


def test_a_changed_file_is_refused(mirror):
    url, www = mirror
    next(www.rglob("*.jpg")).write_text("changed")
    with pytest.raises(SlideNotFound, match=r"'HE\.jpg' of HER2ST section C2.*NAPARI_STEM_DATA"):
        her2st_folder("C2", url=url)


def test_the_stated_hashes_are_those_of_the_real_files(data_dir: Path):
    for section, files in HER2ST.items():
        names = ("HE.jpg", "counts.tsv.gz", "spots.tsv")
        for name, (_, sha256) in zip(names, files, strict=True):
            content = (data_dir / "her2st" / section / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256


def test_a_local_copy_is_used(data_dir: Path):
    section = sample_section("her2st:C5", data=data_dir)
    assert section.spots.n_obs == 181
    assert section.slide.mpp == pytest.approx(0.688, abs=0.003)


def test_an_unknown_sample_is_refused_with_those_there_are():
    with pytest.raises(OptionError, match=r"no sample section 'her2st:Q1'.*her2st:C2"):
        sample_section("her2st:Q1")
