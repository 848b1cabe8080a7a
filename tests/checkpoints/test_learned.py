"""A checkpoint recognises what it learned by content."""

from __future__ import annotations

from napari_stem.checkpoints.learned import why_learned


def test_a_checkpoint_knows_its_slides_and_its_counts_and_nothing_else(sections, trained):
    learned, other = sections[0], sections[2]
    checkpoint = trained.checkpoint
    told = why_learned(checkpoint, learned.slide, learned.spots, "HE")
    assert told == "The checkpoint was trained on the slide of 'HE'."
    told = why_learned(checkpoint, other.slide, learned.spots[:-1], "copy")
    assert told == "The checkpoint was trained on the same counts as those of 'copy'."
    assert not why_learned(checkpoint, other.slide, other.spots, "other")
    normalised = learned.spots.copy()
    normalised.X = normalised.X * 0.5
    bare = learned.spots[:, :0].copy()
    assert not why_learned(checkpoint, other.slide, normalised, "normalised")
    assert not why_learned(checkpoint, other.slide, bare, "no counts")
