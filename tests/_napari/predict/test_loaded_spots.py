"""Spots of files loaded in the docks: they may tell the slide's scale, and have bins to choose."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from napari.settings import get_plugin_settings

from napari_stem._napari.predict.bin_choice import BinChoice
from napari_stem.genes.names import find_genes
from napari_stem.slides.slide import Slide
from napari_stem.spots.source import Source, with_source
from napari_stem.spots.table import pitch, spot_table

from ..conftest import LEFT, PATIENCE

PITCH = 40  # pixels


def bare_slide(side: int) -> Slide:
    """A slide that states no scale."""
    return Slide.from_array(np.full((side, side, 3), 255, np.uint8), name=f"bare {side}")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Spots of a format whose array has a pitch of 200 µm."""
    steps = PITCH * (1 + np.arange(4))
    xy = np.stack(np.meshgrid(steps, steps), -1).reshape(-1, 2).astype(float)
    spots = with_source(spot_table(xy, diameter_px=20), Source("array", pitch_um=200))
    spots.write_h5ad(tmp_path / "spots.h5ad")
    return tmp_path / "spots.h5ad"


@pytest.fixture
def load(dock, qtbot):
    """Load spots on the slide, and wait until they are taken."""

    def load(path: Path) -> None:
        work = dock.workspace
        former = work.spots
        dock.spots.load(path)
        qtbot.waitUntil(lambda: work.spots is not former and not dock.spots.is_busy)

    return load


def choose_bin(bins: BinChoice, size: int) -> None:
    """What a click on an entry does."""
    bins.setCurrentIndex(bins.findData(size))
    bins.activated.emit(bins.currentIndex())


def test_a_slide_without_scale_gets_that_of_its_spots(dock, viewer, table, load, qtbot):
    work = dock.workspace
    work.take_slide(bare_slide(300))
    assert not dock.spots.grid_button.isEnabled()
    load(table)
    assert work.slide.mpp == pytest.approx(200 / PITCH)
    assert work.slides == (work.slide,)
    assert dock.slide.mpp.value() == pytest.approx(200 / PITCH)
    qtbot.waitUntil(lambda: "pitch 200 µm" in dock.spots.note.text())
    assert dock.spots.grid_button.isEnabled()
    assert viewer.layers["bare 300"].scale[0] == pytest.approx(200 / PITCH)


def test_old_symbols_are_found_by_the_table_of_the_preferences(
    dock, tmp_path, load, monkeypatch, trained
):
    gene, *others = trained.checkpoint.recipe.panel
    spots = spot_table([(50.0, 50.0), (90.0, 50.0)], diameter_px=20)
    counted = AnnData(
        np.ones((2, 1 + len(others)), np.float32), spots.obs, pd.DataFrame(index=["OLD", *others])
    )
    counted.obsm, counted.uns = spots.obsm, spots.uns
    counted.write_h5ad(tmp_path / "counted.h5ad")
    (tmp_path / "symbols.csv").write_text(f"old,current\nOLD,{gene}\n")
    dock.workspace.take_slide(bare_slide(300))
    load(tmp_path / "counted.h5ad")
    assert find_genes([gene], dock.workspace.spots.var).missing == (gene,)
    genes = get_plugin_settings("napari-stem").genes
    monkeypatch.setattr(genes, "symbols", f" {tmp_path / 'symbols.csv'} ")
    load(tmp_path / "counted.h5ad")
    assert not find_genes([gene], dock.workspace.spots.var).missing


def test_a_typed_scale_stays_where_a_format_states_another(dock, table, load, tmp_path):
    stated = with_source(
        spot_table([(50.0, 50.0), (90.0, 50.0)], diameter_px=20), Source("HEST", mpp=0.7)
    )
    stated.write_h5ad(tmp_path / "stated.h5ad")
    dock.workspace.take_slide(bare_slide(300))
    load(tmp_path / "stated.h5ad")
    assert dock.workspace.slide.mpp == 0.7
    dock.slide.mpp.setValue(0.5)
    load(tmp_path / "stated.h5ad")
    load(table)
    assert dock.workspace.slide.mpp == 0.5


def test_spots_that_contradict_the_slide_are_refused_unless_trusted(
    dock, tmp_path, load, messages, qtbot
):
    random = np.random.default_rng(0)
    image = np.full((400, 400, 3), 244.0)
    image[:, 220:] = np.add([190, 90, 160], random.normal(0, 15, (400, 180, 1)))
    dock.workspace.take_slide(Slide.from_array(image.clip(0, 255).astype(np.uint8), mpp=2.0))
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(20, 180, 40), np.arange(20, 380, 40)))
    table = spot_table(
        np.column_stack([x, y]), diameter_px=20, counts=np.ones((len(x), 1)), genes=["A"]
    )
    table.write_h5ad(tmp_path / "glass.h5ad")  # measured on bare glass
    dock.spots.load(tmp_path / "glass.h5ad")
    qtbot.waitUntil(lambda: bool(messages), timeout=PATIENCE)
    assert "Trust positions" in str(messages)
    assert dock.workspace.spots is None
    dock.spots.trust_box.setChecked(True)
    load(tmp_path / "glass.h5ad")
    assert dock.workspace.spots.n_obs == len(x)
    qtbot.waitUntil(lambda: "Positions are trusted as they are" in dock.spots.note.text())


def test_places_in_an_array_are_refused_and_their_pixels_are_taken(dock, tmp_path, load, qtbot):
    dock.workspace.take_slide(bare_slide(300))
    steps = [(x, y) for x in range(1, 6) for y in range(1, 6)]
    table = pd.DataFrame(steps, columns=["x", "y"])
    table.to_csv(tmp_path / "spots.tsv", sep="\t", index=False)
    dock.spots.load(tmp_path / "spots.tsv")
    qtbot.waitUntil(lambda: not dock.spots.is_busy)
    assert "⚠ The spots lie 1 px apart on 'bare 300', closer than" in dock.spots.note.text()
    assert dock.workspace.spots is None
    table.assign(pixel_x=40 * table["x"], pixel_y=40 * table["y"]).to_csv(
        tmp_path / "spots.tsv", sep="\t", index=False
    )
    load(tmp_path / "spots.tsv")
    assert pitch(dock.workspace.spots) == pytest.approx(40)
    assert not dock.spots.note.text().startswith("⚠")


def test_spots_that_arrive_when_another_slide_is_shown_scale_their_own(dock, table, qtbot):
    work = dock.workspace
    one, other = bare_slide(300), bare_slide(310)
    work.take_slide(other)
    work.take_slide(one)
    dock.spots.load(table)
    work.show_slide(other)
    qtbot.waitUntil(lambda: work.session_of(one) is None, timeout=PATIENCE)  # at its former scale
    assert (work.slide.mpp, work.spots) == (None, None)
    work.show_slide(one)
    assert work.slide.mpp == pytest.approx(200 / PITCH)
    assert work.spots.n_obs == 16


def test_bins_of_visium_hd_are_chosen_in_the_dock(dock, visium_hd, table, load, qtbot):
    work, bins = dock.workspace, dock.spots.bins
    work.take_slide(bare_slide(400))
    load(table)
    assert bins.isHidden()
    load(visium_hd)
    assert not bins.isHidden()
    assert [bins.itemText(row) for row in range(bins.count())] == ["8 µm bins", "16 µm bins"]
    assert bins.currentData() == 16
    coarse = work.spots
    choose_bin(bins, 8)
    qtbot.waitUntil(lambda: work.spots is not coarse, timeout=PATIENCE)
    assert pitch(work.spots) == pytest.approx(pitch(coarse) / 2)
    assert bins.currentData() == 8
    work.take_slide(bare_slide(310))
    assert bins.isHidden()
    work.show_slide(work.slides[0])
    assert bins.currentData() == 8


def test_a_slide_offers_the_spots_that_lie_beside_it(dock, saved, qtbot):
    dock.slide.open(saved[0] / "slide.tif")
    qtbot.waitUntil(lambda: not dock.spots.beside.isHidden())
    qtbot.mouseClick(dock.spots.beside, LEFT)
    qtbot.waitUntil(lambda: dock.workspace.spots is not None and not dock.spots.is_busy)
    spots = dock.workspace.spots
    molecules = np.median(np.asarray(spots.X.sum(axis=1)))
    said = f"Counts: {spots.n_vars} genes, median {molecules:,.0f} molecules per spot"
    qtbot.waitUntil(lambda: said in dock.spots.note.text())
    assert dock.spots.beside.isHidden()
    dock.workspace.slide.close()
