"""A study without a test set: its report, its limitations, and the settings that it refuses."""

from __future__ import annotations

import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from study_runs import ROOT, clean, run_study

from cyborg_utils.analysis.no_test import essays_needed
from cyborg_utils.cli import main
from cyborg_utils.corpus.loaders import external_test_essays, load_corpus
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.reporting.links import report_links
from cyborg_utils.reporting.narrative.no_test import limitations, recommendations
from cyborg_utils.reporting.page_header import opening
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.stages import question_pages
from cyborg_utils.study.storage import read_json
from cyborg_utils.workflow import study_files

NAME = f"test_no_test_{os.getpid()}"
STATEMENT = "This study has no human-scored test essays"
N, SCORED = 200, 60


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    """Essays as a school may have them; the first 60 are human-scored."""
    made = simulate_corpus(N, seed=11)
    frame = made[["essay_id", "text", "gender"]].assign(mark=made["score"].astype("Int64"))
    frame.loc[SCORED:, "mark"] = pd.NA
    return frame


@pytest.fixture(scope="module")
def study_file(essays, tmp_path_factory):
    """What `cyborg new ... --no-test` writes for them, without cross-fitting, as for the many
    scored essays that need none."""
    place, patch = tmp_path_factory.mktemp("no_test"), pytest.MonkeyPatch()
    essays.to_csv(place / "essays.csv", index=False)
    patch.setattr(study_files, "params_folder", lambda: place)
    try:
        assert main(["new", NAME, str(place / "essays.csv"), "--no-test"]) == 0
    finally:
        patch.undo()
    path = place / f"{NAME}.yaml"
    path.write_text(path.read_text().replace("cross_fitting: 10", "cross_fitting: 0"))
    return path


@pytest.fixture
def study_of(tmp_path, monkeypatch, capsys):
    """Make a study of a frame: (code, printed, error, its path)."""
    monkeypatch.setattr(study_files, "params_folder", lambda: tmp_path)

    def make(data: pd.DataFrame, *options: str):
        data.to_csv(tmp_path / "essays.csv", index=False)
        code = main(["new", "mine", str(tmp_path / "essays.csv"), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err, tmp_path / "mine.yaml"

    return make


# ---------------------------------------------------------------- the study


def test_every_scored_essay_is_in_train_or_dev(essays, study_of):
    code, printed, error, path = study_of(essays, "--no-test")
    assert (code, error) == (0, "")
    assert "scored essays: 40 train, 20 dev, 0 test; 140 unscored ones are for the" in printed
    assert "used for training and, in turns, for evaluation too" in printed
    study = load_study(str(path))
    assert study.evaluation.cross_fitting == 10
    assert not study.evaluation.has_test_set
    assert study.arms == ["human", "cyborg"]
    assert study.sampling.fractions == [1.0]
    assert (study.reported, question_pages(study)) == ([], ["05a_cross_fitted_agreement"])
    assert set(load_corpus(study)["split"]) == {"train", "dev"}
    assert "05_" not in report_links(study)


def test_without_the_option_the_refusal_names_it(essays, study_of):
    code, _, error, _ = study_of(essays)
    assert code == 2
    assert error.endswith(
        "score 40 more by hand, drawn at random; or learn from all of them, and know neither: "
        "--no-test\n"
    )


def test_too_few_scored_essays_are_too_few_for_this_too(essays, study_of):
    few = essays.assign(mark=essays["mark"].where(essays.index < 45))
    assert "--no-test" not in study_of(few)[2]
    code, _, error, _ = study_of(few, "--no-test")
    assert code == 2
    assert "45 scored essays are too few: 50 are needed (30 for train, 20 for dev); score" in error


def test_where_all_essays_are_scored_the_option_is_refused(essays, study_of):
    code, _, error, _ = study_of(essays.head(SCORED), "--no-test")
    assert code == 2
    assert "nothing for a Teacher to score and nothing to judge by; leave --no-test out" in error


def test_a_test_set_of_the_file_is_not_ignored(essays, study_of):
    parts = ["train"] * 50 + ["test"] * 10 + ["train"] * 140
    code, _, error, _ = study_of(essays.assign(split=parts), "--no-test")
    assert code == 2
    assert "column 'split' has 10 test essays; leave --no-test out" in error


def test_newly_scored_essays_become_the_test_set_and_u_stays_as_large(essays, study_of):
    """What the page advises: the new scores in a column `split` as test, all others train."""
    scores = simulate_corpus(N, seed=11)["score"].astype("Int64")
    more = essays.assign(split="train")
    drawn = more.index >= 90
    more = more.assign(mark=more["mark"].mask(drawn, scores))
    more["split"] = np.where(drawn, "test", "train")
    code, printed, error, path = study_of(more)
    assert (code, error) == (0, "")
    assert "scored essays: 40 train, 20 dev, 110 test; 30 unscored" in printed
    assert load_study(str(path)).evaluation.has_test_set


# ---------------------------------------------------------------- what is refused

REFUSED = {
    "a share for test": (["corpus.test_share=0.2"], "corpus.test_share: 0"),
    "a curve": (["sampling.fractions=[0.5, 1.0]"], "sampling.fractions: [1.0]"),
    "withheld scores": (["sampling.fractions=[0.5]"], "sampling.fractions: [1.0]"),
    "full": (["arms=[human, full]"], "arms: [human, cyborg], or one of them"),
    "a held-out prompt": (["sampling.held_out_prompts=[a]"], "no sampling.held_out_prompts"),
    "transfer": (["transfer=[demo]"], "no transfer"),
    "comparisons": (
        [
            "students=[{name: a, kind: classical}, {name: b, kind: classical}]",
            "evaluation.comparisons=[[a, b]]",
        ],
        "no evaluation.comparisons",
    ),
    "strategies": (
        ["pseudo_label_strategies=[{name: hard}, {name: e, target: expected}]"],
        "no other pseudo_label_strategies",
    ),
    "two at once": (["arms=[human, full]", "transfer=[demo]"], "one of them; no transfer"),
}


@pytest.mark.parametrize(("settings", "expected"), REFUSED.values(), ids=REFUSED)
def test_what_needs_test_essays_is_refused_at_load(study_file, settings, expected):
    load_study(str(study_file))
    with pytest.raises(ParameterError) as caught:
        load_study(str(study_file), settings)
    assert "leaves no test essays, so that nothing can be evaluated on them; it needs" in str(
        caught.value
    )
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", ["demo", "predictions"])
def test_only_essays_from_files_can_lack_a_test_set(name):
    with pytest.raises(ParameterError, match="evaluation.has_test_set: false"):
        load_study(name, ["evaluation.has_test_set=false"])


def test_an_existing_test_set_is_not_ignored(essays, study_file, tmp_path):
    parts = ["train"] * 50 + ["test"] * 10 + ["train"] * 140
    essays.assign(split=parts).to_csv(tmp_path / "essays.csv", index=False)
    settings = [
        f"corpus.files={{train: [{tmp_path / 'essays.csv'}]}}",
        "corpus.columns.split=split",
    ]
    with pytest.raises(
        CorpusError, match="10 essays are in test, although evaluation.has_test_set"
    ):
        load_corpus(load_study(str(study_file), settings))


def test_without_the_setting_a_missing_test_set_is_refused_with_the_remedy(study_file):
    study = load_study(str(study_file), ["evaluation.has_test_set=true"])
    with pytest.raises(CorpusError, match="no scored essays in test: .* evaluation.has_test_set"):
        load_corpus(study)


@pytest.mark.parametrize("page", ["05_fairness_analysis", "05b_calibration", "06_summary"])
def test_a_page_that_needs_a_test_set_is_refused(study_file, page):
    with pytest.raises(ParameterError, match=f"nothing for {page}: .*06b_no_test_set is its page"):
        opening(load_study(str(study_file)), page)


def test_a_study_with_a_test_set_is_refused_by_the_page_for_others():
    with pytest.raises(ParameterError, match="it has human-scored test essays, so 06_summary"):
        opening(load_study("demo"), "06b_no_test_set")


def test_another_study_cannot_transfer_to_test_essays_that_are_not_there(study_file):
    with pytest.raises(CorpusError, match="has no test essays"):
        external_test_essays(load_study("demo"), pd.DataFrame(), str(study_file))


# ---------------------------------------------------------------- how many to score


def test_half_the_width_takes_four_times_the_essays():
    assert essays_needed(0.4, 0.8, 20) == 320
    assert essays_needed(0.4, 0.8, 20, 0.1) == 80
    assert essays_needed(0.4, 0.8, 20, 0.2) == 30


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.5), (np.nan, np.nan)])
def test_an_uninformative_interval_gives_no_number(study_file, low, high):
    assert essays_needed(low, high, 20) is None
    line = recommendations(load_study(str(study_file)), None, 20, 140)[0]
    assert "Score at least 30 more essays" in line and "cannot be estimated" in line


def test_limitations_name_the_attributes_and_the_checkpoints_selected_on_dev(study_file):
    in_turns = " ".join(
        limitations(load_study(str(study_file), ["evaluation.cross_fitting=10"]), 20)
    )
    assert "How well a Student agrees" not in in_turns
    text = " ".join(limitations(load_study(str(study_file)), 20))
    assert "`gender`" in text and "checkpoints" not in text
    electra = ["students=[{name: electra, kind: encoder, model: {hub: a/b, revision: main}}]"]
    text = " ".join(limitations(load_study(str(study_file), electra), 20))
    assert "the checkpoints of electra were selected" in text


# ---------------------------------------------------------------- a whole run


@pytest.fixture(scope="module")
def ran(study_file):
    settings = [
        "teachers=[{name: ridge, kind: classical}]",
        "students=[{name: ridge, kind: classical}]",
        "evaluation.replicates=200",
    ]
    given = [argument for setting in settings for argument in ("--set", setting)]
    try:
        done = run_study(str(study_file), *given, "--cores", "2")
        assert done.returncode == 0, done.stderr
        assert f"report: reports/{NAME}/index.html" in done.stdout
        yield load_study(str(study_file), settings)
    finally:
        clean(NAME)


def text_of(page: Path) -> str:
    """A page without its code."""
    html = page.read_text(encoding="utf-8")
    return re.sub(r"<[^>]+>", "", re.sub(r'(?s)<details class="code">.*?</details>', "", html))


@pytest.mark.long
def test_the_page_states_limitations_and_next_steps(ran):
    page = ROOT / "reports" / ran.name / "index.html"
    text = text_of(page)
    assert STATEMENT in text
    assert "Limitations" in text and "Next steps" in text
    assert re.search(r"Score about \d+ more essays by hand, drawn at random", text)
    assert "QWK on the 20 dev essays" in text
    assert "QWK on test" not in text and "SMD" not in text
    assert f"cyborg score runs/{ran.name}/students/ridge/cyborg-ridge-f1-d1/s1" in text
    pages = {path.name for path in page.parent.glob("*.html")}
    assert not [name for name in pages if name.startswith(("05", "06"))]
    linked = set(re.findall(r'href="([^"#]+\.html)"', page.read_text(encoding="utf-8")))
    assert linked == pages


@pytest.mark.long
def test_the_other_pages_say_it_too_and_evaluate_nothing(ran):
    pages = sorted((ROOT / "reports" / ran.name).glob("0[134]*.html"))
    assert len(pages) == 4
    for page in pages:
        text = text_of(page)
        assert STATEMENT in text, page.name
        assert "on test, 95 % interval" not in text, page.name
        assert "Test essays by group" not in text, page.name
    results = [*ran.folder.glob("students/*/*/s*/student.json")]
    results += ran.folder.rglob("labeling.json")
    assert [read_json(path)["test"] for path in results] == [None] * 3


@pytest.mark.long
def test_stepping_through_the_page_with_its_exercise_works_too(ran, study_file):
    path = ROOT / "notebooks" / "06b_no_test_set.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (given,) = (c for c in notebook.cells if "parameters" in c.metadata.get("tags", []))
    given.source = f"study = {str(study_file)!r}\nsettings = {ran.settings!r}"
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": path.parent}})
    client.execute()
    outputs = str([cell.get("outputs") for cell in notebook.cells])
    assert "**Results written**" in outputs and "Half the width takes four times" in outputs


@pytest.mark.long
def test_the_summary_holds_dev_alone(ran):
    summary = read_json(ran.folder / "summary.json")
    assert summary["has_test_set"] is False
    scorers = {(row["scorer"], row["arm"] == "teacher") for row in summary["dev"]}
    assert scorers == {("ridge", True), ("ridge", False)}
    assert summary["budget"] == [
        {"fraction": 1, "train": 40, "dev": 20, "total": 60, "test": 0, "second": 0, "all": 60}
    ]
    assert summary["test_essays_needed"] >= 30
    assert not {"agreement", "fairness", "comparisons", "verdicts"} & set(summary)
    assert STATEMENT in summary["findings"][0]


@pytest.mark.long
def test_the_kept_student_scores_new_essays_and_its_card_says_what_is_unknown(ran, tmp_path):
    folder = ran.folder / "students/ridge/cyborg-ridge-f1-d1/s1/model"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "its agreement with human raters and its bias for or against any subgroup are" in card
    assert "QWK" not in card and "05_fairness" not in card
    new = simulate_corpus(30, seed=12)[["essay_id", "text"]]
    new.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "scores.csv"
    assert main(["score", str(folder), str(tmp_path / "new.csv"), str(out)]) == 0
    scored = pd.read_csv(out)
    assert len(scored) == 30
    assert scored["score"].dropna().isin(ran.labels).all()
    assert scored["score"].notna().sum() > 20
