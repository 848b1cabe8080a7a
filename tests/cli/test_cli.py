"""The command does the whole job, and says errors on one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from napari_stem import __version__
from napari_stem.cli import app
from napari_stem.errors import OptionError
from napari_stem.evaluation.baselines import BASELINES
from napari_stem.evaluation.metrics import METRICS
from napari_stem.io import read_spots
from napari_stem.training.train import TrainResult

from .command import run


def test_a_checkpoint_is_evaluated_beside_the_baselines(
    trained: TrainResult, saved: list[Path], tmp_path: Path, kept: Path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")
    output = run(
        "evaluate", trained.path, saved[2], "--train", saved[0], "--draws", 2, "--device", "cpu",
        "--cache", kept, "--report", tmp_path / "r.html", "--json", tmp_path / "m.json",
        "--csv", tmp_path / "m.csv",
    )  # fmt: skip
    table = output[output.index("Held-out section") :].splitlines()[:26]
    assert all(len(line) <= 100 for line in table)
    assert "\u2026" not in "".join(table)  # nothing is cut off
    for metric in METRICS.values():
        assert any(line.strip().startswith(metric.heading) for line in table), metric.heading
    assert re.search(r"Genes by trust: \d+ high, \d+ medium, \d+ low, \d+ none", output)
    assert "Compared with measured counts" in (tmp_path / "r.html").read_text()
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found["methods"]) == ["Stem", *BASELINES]
    for scores in found["methods"].values():
        assert list(scores) == [
            "pcc_10", "pcc_50", "pcc_all", "mae", "mse", "rvd", "fair_crps", "energy",
            "coverage_90", "gsc", "ssc",
        ]  # fmt: skip
        assert all(np.isfinite(value) for value in scores.values())
    assert set(found["genes"]) == set(trained.checkpoint.recipe.panel)
    genes = pd.DataFrame(found["genes"]).T
    for name, of_genes in {"pcc": "pcc_all", "mae": "mae", "fair_crps": "fair_crps"}.items():
        for method, column in {"Stem": name, "ridge": f"{name} ridge"}.items():
            mean = pd.to_numeric(genes[column]).mean()
            assert mean == pytest.approx(found["methods"][method][of_genes]), column
    assert pd.to_numeric(genes["ceiling"]).between(0, 1).all()
    shown = next(line for line in table if "PCC-all" in line)
    assert f" {found['ceilings']['pcc_all']:.3f} " in shown
    assert found["missing_genes"] == []
    rows = pd.read_csv(tmp_path / "m.csv")
    assert list(rows.columns[:5]) == ["section", "gene", "method", "detection_rate", "ceiling"]
    assert len(rows) == 8 * 7
    model = rows[rows["method"] == "Stem"]
    assert model["pcc"].mean() == pytest.approx(found["methods"]["Stem"]["pcc_all"], rel=1e-4)


def test_genes_are_estimated_without_training(saved: list[Path], tmp_path: Path, kept: Path):
    output = run(
        "estimate", *saved, "--cache", kept, "--csv", tmp_path / "genes.csv", "--device", "cpu",
        "--genes", 10,
    )  # fmt: skip
    table = pd.read_csv(tmp_path / "genes.csv")
    assert list(table) == ["gene", "pcc", "ceiling", "detection_rate", "trust"]
    named = re.findall(r"(high|medium|low|none): (\d+) gene", output)
    assert {name: int(number) for name, number in named} == dict(table["trust"].value_counts())


def test_sections_and_patients_are_left_out_in_turn(
    saved: list[Path], tmp_path: Path, kept: Path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "panel.txt").write_text("EPCAM\nCD3E\nCOL1A1\n")
    output = run(
        "cross-validate", *saved, "--patient", "section-0=A", "--patient", "section-1=A",
        "--patient", "section-2=B", "--panel", tmp_path / "panel.txt", "--steps", 5, "--draws", 2,
        "--batch-size", 16, "--device", "cpu", "--cache", kept, "--json", tmp_path / "m.json",
    )  # fmt: skip
    assert "Mean of 3 sections" in output
    assert "Stem by section" in output
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found["sections"]) == ["section-0", "section-1", "section-2"]
    assert set(found["methods"]) == {"Stem", *BASELINES}
    assert set(found["genes"]) == {"EPCAM", "CD3E", "COL1A1"}


def test_a_patient_that_is_not_known_is_asked_for(saved: list[Path]):
    arguments = ["cross-validate", *map(str, saved), "--leave-out", "patient"]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, OptionError)
    assert "--patient section-0=NAME" in str(result.exception)


def test_info_says_what_a_file_is(trained: TrainResult, saved: list[Path]):
    output = run("info", trained.path)
    assert "8 genes" in output
    assert "section-0" in output
    assert "spots" in run("info", "generated:1")
    n_genes = read_spots(saved[0]).n_vars
    assert f"{n_genes} genes" in run("info", saved[0])


def test_encoders_are_listed_with_licence_and_access():
    rows = [line.split() for line in run("encoders").splitlines() if line.strip()]
    known = {row[0]: row[1:] for row in rows}
    assert known["morphology"] == ["242", "224", "BSD-3-Clause", "allowed", "open", "built", "in"]
    assert known["conch"][:5] == ["512", "448", "CC-BY-NC-ND-4.0", "no", "request"]
    assert known["resnet18"][2:] == ["none", "stated", "unknown", "open", "your", "file"]


def test_the_version_is_printed():
    assert run("--version").strip() == __version__


def test_the_cache_is_shown_limited_and_cleared(tmp_path: Path):
    (tmp_path / "draws" / "one").mkdir(parents=True)
    (tmp_path / "draws" / "one" / "0").write_bytes(bytes(20_000_000))
    assert "1 result, 0.02 of 20 GB" in run("cache", "--cache", tmp_path)
    assert "0.02 of 3 GB" in run("cache", "--cache", tmp_path, "--limit", 3)
    shown = run("cache", "--cache", tmp_path, "--clear")
    assert "Removed 0.02 GB. 0 results, 0.00 of 3 GB" in shown


def test_evaluating_on_a_training_section_is_told_loudly(
    trained: TrainResult, saved: list[Path], kept: Path
):
    options = ("--draws", 2, "--sampler-steps", 2, "--device", "cpu", "--cache", kept)
    output = run("evaluate", trained.path, saved[2], "--train", saved[2], *options)
    assert "Section, not held out: section-2" in output
    assert "too good. The slide of 'section-2' is among the training sections." in output
