"""The experiments of the paper as files that one command runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from napari_stem.checkpoints.checkpoint import load_checkpoint
from napari_stem.cli import app
from napari_stem.errors import OptionError
from napari_stem.evaluation.metrics import METRICS
from napari_stem.training.plan import SectionSource
from napari_stem.training.protocol import protocols, read_protocol

DOCS = Path(__file__).parents[2] / "docs" / "protocols.md"
OTHERS = [SectionSource("other-1"), SectionSource("other-2")]


@pytest.mark.parametrize("name", protocols())
def test_every_protocol_of_the_package_makes_plans(name: str):
    protocol = read_protocol(name)
    held_out = [SectionSource(section) for section in protocol.held_out]
    plans = protocol.plans([*OTHERS, *held_out], steps=2)
    assert len(plans) == max(1, len(protocol.variants))
    for plan in plans.values():
        assert plan.sections == tuple(OTHERS)
        assert plan.held_out == tuple(held_out)
        assert (plan.preset, plan.geometry, plan.fit["steps"]) == ("paper", "paper", 2)
    for scores in protocol.paper.values():
        assert set(scores) <= set(METRICS)
    assert protocol.paper
    if protocol.variants:  # each row of an ablation has the paper's beside it
        assert list(protocol.paper) == [f"Stem, {name}" for name in protocol.variants]


def test_the_documentation_lists_them_and_its_example_is_one(tmp_path: Path):
    text = DOCS.read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE)) == protocols()
    path = tmp_path / "mine.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    example = read_protocol(path)
    plans = example.plans([*OTHERS, *map(SectionSource, example.held_out)])
    assert [plan.panel.n for plan in plans.values()] == [300, 50]


def test_what_is_missing_or_no_protocol_is_told(tmp_path: Path):
    with pytest.raises(OptionError, match="no section B1 to hold out; it has other-1, other-2"):
        read_protocol("her2st-b1-hmhvg-300").plans(OTHERS)
    path = tmp_path / "p.toml"
    path.write_text('title = "p"\nheld = ["B1"]\n')
    with pytest.raises(OptionError, match=r"is no protocol \(held: unknown\)"):
        read_protocol(path)
    path.write_text('title = "p"\nheld_out = ["other-1"]\n[settings]\ncolour = "red"\n')
    with pytest.raises(OptionError, match="setting of the protocol is wrong"):
        read_protocol(path).plans(OTHERS)


@pytest.mark.slow
@pytest.mark.data
def test_one_runs_on_real_sections_beside_the_papers_rows(data_dir: Path, tmp_path: Path):
    for name in ("C4", "C5"):  # a part of each
        folder, whole = tmp_path / "data" / name, data_dir / "her2st" / name
        folder.mkdir(parents=True)
        for file in ("HE.jpg", "counts.tsv.gz"):
            (folder / file).symlink_to(whole / file)
        lines = (whole / "spots.tsv").read_text().splitlines(keepends=True)
        (folder / "spots.tsv").write_text("".join(lines[:101]))
    arguments = [
        "protocol", "ablation-statistic", "--data", tmp_path / "data", "--held-out", "C5",
        "--preset", "small", "--encoder", "morphology", "--genes", 50, "--steps", 60,
        "--run", tmp_path / "run",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for row in ("ours", "ours, median", "ours, mode"):
        assert row in done.output
    lines = done.output.splitlines()
    assert any("Stem (paper)" in line and "0.773" in line for line in lines)
    assert any("Stem, mode (paper)" in line and " - " in line for line in lines)
    assert "Not as published: held-out, preset, encoder" in done.output
    (path,) = tmp_path.rglob("checkpoint.safetensors")
    scores = load_checkpoint(path).about["scores"]
    assert scores["Stem"]["pcc_all"] > 0.3  # that of chance is 0 within 0.02
    assert scores["Stem"]["mae"] < 1.1 * scores["k-NN"]["mae"]
