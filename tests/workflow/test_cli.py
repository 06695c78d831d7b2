"""The command `cyborg`: its help, its options, and what it says where something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from study_runs import ROOT

from cyborg_utils import cli_options
from cyborg_utils.cli import main
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.labeling import export
from cyborg_utils.reporting import notebooks
from cyborg_utils.study.config import load_study
from cyborg_utils.study.settings import split_settings
from cyborg_utils.study.storage import OWN_RESULTS
from cyborg_utils.teaching import workshop
from cyborg_utils.workflow import preflight, runner

COMMANDS = [
    "run", "new", "score", "evaluate", "draw", "collect", "check", "rehearse", "export", "workshop",
    "precomputed", "readme",
]  # fmt: skip


def test_help_lists_the_commands_and_loads_no_library_of_numbers():
    code = (
        "import sys; from cyborg_utils.cli import main; code = main(['--help']);"
        "heavy = {'numpy', 'pandas', 'pydantic', 'torch', 'snakemake'} & set(sys.modules);"
        "sys.exit(f'{heavy}' if heavy else code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == COMMANDS
    assert not any(line.endswith("...") for line in listed)


@pytest.mark.parametrize("command", [*COMMANDS, "run-stage", "label-part"])
def test_every_command_has_help(command, capsys):
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: cyborg {command}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runn", "demo"], "No such command 'runn'"),
        (["run"], "Missing argument 'STUDY'"),
        (["run", "demo", "--dryrun"], "Did you mean"),
        (["run", "demo", "--cores", "0"], "0 is not in the range"),
        (["run", "demmo"], "no study 'demmo': did you mean 'demo'?"),
        (["run", "demo", "--profile", "none"], "no profile 'none': profiles/ has default, slurm"),
        (["run", "demo", "--set", "sampling.seeds"], "setting 'sampling.seeds': write key=value"),
        (["new", "a b", "essays.csv"], "'a b' names no study"),
        (["new", "mine", "none.csv"], "none.csv: no such file"),
        (["evaluate", "none.csv", "--scale", "6"], "'6' is no scale; write it as 1-6"),
        (["score", "none", "none.csv", "none/scores.csv"], "there is no folder none"),
        (["export", "predictions", "folder"], "study predictions has no Teacher"),
    ],
)
def test_a_mistake_is_answered_by_a_sentence_and_status_2(arguments, message, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("text", "scale"), [("1-6", (1, 6, 1)), ("0-4:0.5", (0, 4, 0.5)), ("-2-2", (-2, 2, 1))]
)
def test_a_scale_is_written_as_two_ends_and_a_step(text, scale):
    assert cli_options.Scale().convert(text, None, None) == scale


@pytest.mark.parametrize("text", ["6", "1 to 6", "1-6:", "1-6:a"])
def test_another_scale_is_refused(text):
    with pytest.raises(click.BadParameter, match="is no scale; write it as 1-6"):
        cli_options.Scale().convert(text, None, None)


def test_settings_with_spaces_lists_and_quotes_reach_the_study(monkeypatch):
    settings = ["title=Two words, 'quoted' \"twice\"", "sampling.seeds=[1, 2]"]
    passed = {}

    def no_run(command, options):
        passed.update(study=load_study(**json.loads(command.read_text())), options=options)
        return 0

    monkeypatch.setattr(runner, "call_snakemake", no_run)
    given = [argument for setting in settings for argument in ("--set", setting)]
    assert main(["run", "tour", *given, "--cores", "3", "--dry-run", "--", "--forceall"]) == 0
    assert passed["study"].title == "Two words, 'quoted' \"twice\""
    assert passed["study"].sampling.seeds == [1, 2]
    assert passed["options"] == ["--cores", "3", "--resources", "gpu=1", "--forceall", "--dry-run"]


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")
def test_what_make_is_given_reaches_the_command_letter_by_letter(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    command = tmp_path / ".venv" / "bin" / "cyborg"
    command.parent.mkdir(parents=True)
    (tmp_path / ".venv" / ".ready").touch()
    command.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    command.chmod(0o755)
    settings = 'title=It\'s "quoted" # ü $(HOME) $HOME `x` sampling.seeds=[1, 2]'
    arguments = ["make", "reports", "STUDY=1_2 it's", f"SET={settings}", "CORES=1"]
    outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of a make that runs the tests
    environment = {key: value for key, value in os.environ.items() if key not in outer}
    done = subprocess.run(arguments, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert json.loads(done.stdout) == [
        "run", "1_2 it's", "--cores", "1", "--set-all", settings
    ]  # fmt: skip
    assert split_settings(settings) == [
        settings.removesuffix(" sampling.seeds=[1, 2]"),
        "sampling.seeds=[1, 2]",
    ]


def test_snakemake_finds_the_same_study(tmp_path, capfd):
    study = tmp_path / "2024.yaml"
    study.write_text((ROOT / "params" / "tour.yaml").read_text(encoding="utf-8"))
    settings = ["--set", "title=Two words, 'quoted'", "--set", "sampling.seeds=[1, 2]"]
    assert main(["run", str(study), "--dry-run", *settings]) == 0
    assert "stages to run" in capfd.readouterr().err


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_study_of_neural_models_names_the_extra_that_it_needs(command, monkeypatch, capsys):
    real = preflight.metadata.version

    def without_torch(name):
        if name == "torch":
            raise preflight.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(preflight.metadata, "version", without_torch)
    assert main([command, "demo"]) == {"run": 2, "check": 1}[command]
    printed = capsys.readouterr()
    remedy = "this study trains a neural model, which needs: pip install 'cyborg-data[models]'"
    assert remedy in printed.out + printed.err
    assert main(["check", "tour"]) in (0, 1)
    assert remedy not in capsys.readouterr().out


def test_a_command_that_needs_a_missing_library_names_the_extra(monkeypatch, capsys):
    def missing(name):
        def write():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        return write

    monkeypatch.setattr(workshop, "write_workshop", missing("transformers.models"))
    assert main(["workshop"]) == 2
    assert capsys.readouterr().err == (
        "this needs transformers.models: pip install 'cyborg-data[models]'\n"
    )
    monkeypatch.setattr(workshop, "write_workshop", missing("cyborg_utils.other"))
    with pytest.raises(ModuleNotFoundError):
        main(["workshop"])


def test_a_fault_of_the_program_itself_is_not_hidden(monkeypatch):
    def fails():
        raise ValueError("something unforeseen")

    monkeypatch.setattr(workshop, "write_workshop", fails)
    with pytest.raises(ValueError, match="something unforeseen"):
        main(["workshop"])


def test_export_takes_the_studys_first_teacher_and_draw_by_default(monkeypatch, tmp_path, capsys):
    passed = []
    monkeypatch.setattr(
        export, "export_cyborg_data", lambda *given: passed.append(given[1:]) or tmp_path
    )
    assert main(["export", "demo", str(tmp_path / "a")]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path}\n"
    options = ["--teacher", "other", "--fraction", "0.25", "--draw", "2", "--held-out", "0"]
    assert main(["export", "demo", str(tmp_path / "b"), *options, "--license", "mit"]) == 0
    assert passed == [
        ("llama", 0.1, 1, tmp_path / "a", None, export.CORPUS_LICENSE),
        ("other", 0.25, 2, tmp_path / "b", 0, "mit"),
    ]


def test_a_stage_gets_its_parameters_as_values(monkeypatch, tmp_path):
    passed = []
    monkeypatch.setattr(notebooks, "run_notebook", lambda *given: passed.append(given))
    monkeypatch.chdir(ROOT)
    places = ["runs/none/notebooks/x.ipynb", "reports/none/x.html"]
    settings = ["title=A, b", "sampling.seeds=[1, 2]"]
    command = tmp_path / "it's a command.json"
    command.write_text(json.dumps({"study": "2024", "settings": settings}))
    values = '{"teacher": null, "student": "1_2", "fraction": 0.1}'
    try:
        assert main(["run-stage", "04_student_training", *places, str(command), values]) == 0
        assert main(["run-stage", "00_concepts", *places, str(command), "{}"]) == 0
    finally:
        (ROOT / "runs/none/notebooks/.x.lock").unlink()
        (ROOT / "runs/none/notebooks").rmdir()
        (ROOT / "runs/none").rmdir()
    student, concepts = passed
    assert student[1] == {
        "study": "2024", "settings": settings, "teacher": None, "student": "1_2", "fraction": 0.1,
    }  # fmt: skip
    assert student[2:] == tuple(ROOT / Path(place) for place in places)
    assert concepts[1] == {}


def test_a_new_study_in_an_empty_folder_lies_beside_its_essays(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    simulate_corpus(200, seed=3)[["essay_id", "text", "score"]].to_csv("essays.csv", index=False)
    assert main(["new", "mine", "essays.csv"]) == 0
    assert capsys.readouterr().out.endswith(
        "wrote mine.yaml; look it over, then: cyborg run mine\n"
    )
    study = load_study("mine")
    assert study.corpus.files.train == ["essays.csv"]
    assert study.folder == tmp_path / "runs" / "mine"


def test_the_stages_of_a_run_take_no_precomputed_results(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("snakemake.cli.main", lambda _: seen.append(dict(os.environ)))
    assert runner.call_snakemake(tmp_path / "command.json", []) == 0
    assert seen[0][OWN_RESULTS] and OWN_RESULTS not in os.environ
