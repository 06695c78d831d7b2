"""The paper's own study at tiny size: its parameter file, its models' kinds, the unchanged
notebooks, essays in the official layout."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from study_runs import ROOT
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from cyborg_utils.cli import main
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.study.config import load_study
from cyborg_utils.workflow.rehearsal import SHAPES, config_of

NAME = "rehearsed"
RENAMED = {
    "essay_id": "essay_id_comp", "text": "full_text", "score": "holistic_essay_score",
    "prompt": "prompt_name",
}  # fmt: skip


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """The paper's study, rehearsed on 160 simulated essays."""
    folder = tmp_path_factory.mktemp("rehearsal")
    essays = simulate_corpus(160, seed=7).rename(columns=RENAMED)
    essays["competition_set"] = ["train"] * 90 + ["test"] * 70
    essays.to_csv(folder / "essays.csv", index=False)
    study = folder / f"{NAME}.yaml"
    shutil.copy(ROOT / "params/persuade.yaml", study)
    settings = [
        f"corpus.files={{train: [{folder / 'essays.csv'}]}}", "corpus.dev_size=20",
        "sampling.fractions=[0.2]", "sampling.primary_fraction=0.2", "evaluation.replicates=200",
        "teachers.llama.min_steps=6", "teachers.llama.epochs=1", "labeling.shard_size=40",
        "labeling.jobs=2", "arms=[human, cyborg]",
    ]  # fmt: skip
    for student in ("electra", "electra_classes", "modernbert"):
        settings += [f"students.{student}.{key}" for key in ("min_steps=3", "epochs=1")]
    given = [argument for setting in settings for argument in ("--set", setting)]
    try:
        command = [
            sys.executable,
            "-m",
            "cyborg_utils",
            "rehearse",
            str(study),
            "--tiny",
            *given,
        ]
        yield subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        for place in ("runs", "reports"):
            shutil.rmtree(ROOT / place / f"{NAME}-rehearsal", ignore_errors=True)
        (ROOT / "runs/rehearsals" / f"{NAME}-rehearsal.yaml").unlink(missing_ok=True)


@pytest.mark.long
def test_the_papers_study_runs_through_with_random_weights(rehearsal):
    assert rehearsal.returncode == 0, rehearsal.stderr
    page = (ROOT / f"reports/{NAME}-rehearsal/index.html").read_text(encoding="utf-8")
    assert "Every model has random weights, and no score here means anything" in page


@pytest.mark.long
def test_its_teacher_labels_every_essay_once_in_two_jobs(rehearsal):
    folder = ROOT / f"runs/{NAME}-rehearsal/labels/llama/f0.2-d1"
    ledger = pd.read_parquet(folder / "labels.parquet")
    assert ledger["label_source"].value_counts().to_dict() == {"teacher": 56, "human": 14}
    assert ledger["essay_id"].is_unique
    assert len(pd.read_parquet(folder / "predictions.parquet")) == 90  # dev and test
    assert sorted(p.name for p in folder.iterdir()) == [
        "labeling.json", "labels.parquet", "predictions.parquet",
    ]  # fmt: skip
    for part in (0, 1):
        assert f"part {part} (" in rehearsal.stderr
    assert not list((ROOT / f"runs/{NAME}-rehearsal/unfinished").glob("*"))


@pytest.mark.long
def test_its_models_come_from_folders_and_its_parameters_from_the_papers_file(rehearsal):
    rehearsed = yaml.safe_load((ROOT / f"runs/rehearsals/{NAME}-rehearsal.yaml").read_text())
    paper = load_study("persuade")
    assert rehearsed["teachers"][0]["rubric"] == paper.teachers[0].rubric
    assert rehearsed["teachers"][0]["lora"] == paper.teachers[0].lora.model_dump(exclude_unset=True)
    for item in rehearsed["teachers"] + rehearsed["students"]:
        assert list(item.get("model", ["folder"])) == ["folder"]


@pytest.mark.parametrize(
    ("hub", "parameters"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248),
        ("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008),
        ("google/electra-base-discriminator", 109_483_778),
        ("answerdotai/ModernBERT-base", 149_606_402),
    ],
)
def test_a_shape_has_as_many_weights_as_the_real_model(hub, parameters):
    import torch

    config = config_of(hub)
    causal = config.model_type == "llama"
    auto = AutoModelForCausalLM if causal else AutoModelForSequenceClassification
    with torch.device("meta"):
        assert auto.from_config(config).num_parameters() == parameters


@pytest.mark.parametrize("name", ["persuade", "persuade-laptop"])
def test_every_hub_model_of_the_study_has_a_shape_to_rehearse_with(name):
    study = load_study(name)
    hubs = {i.model.hub for i in study.teachers + study.students if hasattr(i, "model")}
    assert hubs <= set(SHAPES)


def test_a_model_without_a_shape_is_one_line(tmp_path, capsys):
    study = tmp_path / "shapeless.yaml"
    study.write_text((ROOT / "params/demo.yaml").read_text())
    model = 'teachers.llama.model={hub: some/model, revision: "1"}'
    assert (
        main(["rehearse", str(study), "--set", model, "--set", "teachers.llama.pretraining=null"])
        == 2
    )
    assert "no shape of some/model in shapes.yaml; it has meta-llama/" in capsys.readouterr().err
