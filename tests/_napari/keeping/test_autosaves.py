"""Folders of autosaved sessions, which one window uses at a time."""

from __future__ import annotations

from napari_stem._napari.keeping.autosaves import claim_new, claim_of, left_behind
from napari_stem._napari.keeping.session_folder import INDEX


def test_only_sessions_that_no_window_uses_were_left_behind():
    used, whole, empty = claim_new(), claim_new(), claim_new()
    for claim in (used, whole):
        (claim.path / INDEX).touch()
    assert left_behind() == []
    whole.let_go()
    empty.let_go()
    assert left_behind() == [whole.path]
    assert not empty.path.exists()
    assert claim_of(used.path) is None
    opened = claim_of(whole.path)
    assert opened is not None
    assert left_behind() == []
    for claim in (opened, used):
        claim.remove()
    assert not whole.path.exists()
