"""What a study may say, and that each fault is one clear line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from study_runs import ROOT

from cyborg_utils.corpus.sampling import subset_size
from cyborg_utils.corpus.simulation.phrases import load_prompts
from cyborg_utils.reporting.page_header import description
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.corpora import Scale
from cyborg_utils.study.schema.models import EncoderScorer
from cyborg_utils.study.schema.study import Study

MINIMAL = """\
title: A study
corpus: {kind: simulated}
teachers:
  - {name: ridge, kind: classical}
students:
  - name: electra
    kind: encoder
    model: {from_scratch: {architecture: electra}}
"""


@pytest.fixture
def study_file(tmp_path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(MINIMAL)
    return path


def the_line(study: Path | str, *settings: str) -> str:
    """The message of the one fault of a study, which must be one line."""
    with pytest.raises(ParameterError) as caught:
        load_study(str(study), settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


# ---------------------------------------------------------------- what is accepted


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_study_of_the_repository_loads(path):
    study = load_study(path.stem)
    assert study.name == path.stem
    assert study.primary_fraction in study.sampling.fractions
    assert study.title


def test_the_defaults_are_the_documented_ones(study_file):
    study = load_study(str(study_file))
    assert study.arms == ["human", "cyborg", "full"]
    assert study.sampling.fractions == [0.1]
    assert study.sampling.draws == study.sampling.seeds == [1]
    assert study.evaluation.smd_bound == 0.10
    assert study.evaluation.non_inferiority_margin == 0.02
    assert study.labels == [1, 2, 3, 4, 5, 6]
    assert study.name == "small"
    assert study.folder == ROOT / "runs" / "small"
    assert study.student("electra").head == "regression"
    assert study.student("electra").precision == "fp32"


def test_the_file_lies_over_the_defaults_and_a_setting_over_the_file(study_file):
    with study_file.open("a") as file:
        file.write("sampling: {fractions: [0.25], seeds: [4, 5]}\n")
    assert load_study(str(study_file)).sampling.seeds == [4, 5]
    study = load_study(str(study_file), ["sampling.seeds=[7]", "evaluation.min_group=50"])
    assert study.sampling.seeds == [7]
    assert study.sampling.fractions == [0.25]
    assert study.sampling.draws == [1]
    assert study.evaluation.min_group == 50
    assert study.settings == ["sampling.seeds=[7]", "evaluation.min_group=50"]


def test_of_two_settings_of_one_key_the_last_one_counts(study_file):
    study = load_study(str(study_file), ["corpus.n_train=50", "corpus.n_train=60"])
    assert study.corpus.n_train == 60


def test_a_setting_finds_an_item_of_a_list_by_its_name(study_file):
    study = load_study(str(study_file), ["students.electra.epochs=2"])
    assert study.student("electra").epochs == 2
    assert load_study(str(study_file)).student("electra").epochs == 4


def test_a_setting_keeps_equals_signs_in_its_value(study_file):
    assert load_study(str(study_file), ["title='a = b'"]).title == "a = b"


def test_the_headline_is_the_fraction_nearest_ten_percent_unless_named(study_file):
    fractions = "sampling.fractions=[0.02, 0.12, 0.5]"
    assert load_study(str(study_file), [fractions]).primary_fraction == 0.12
    assert (
        load_study(str(study_file), [fractions, "sampling.primary_fraction=0.5"]).primary_fraction
        == 0.5
    )


def test_only_a_simulated_study_says_simulated(study_file):
    assert "**simulated**" in description(load_study(str(study_file)))
    real = "corpus={kind: persuade, files: {train: [a.csv]}}"
    assert "simulated" not in description(load_study(str(study_file), [real]))


def test_as_many_prompts_are_allowed_as_the_generator_has(study_file):
    n = len(load_prompts())
    assert load_study(str(study_file), [f"corpus.n_prompts={n}"]).corpus.n_prompts == n
    assert "corpus.n_prompts" in the_line(study_file, f"corpus.n_prompts={n + 1}")


# ---------------------------------------------------------------- one line for each fault


FAULTS = {
    "an unknown key": (
        "sampling.fraction=[0.1]",
        ["sampling.fraction", "unknown key", "did you mean `fractions`?"],
    ),
    "an unknown key of a Student": (
        "students.electra.epohs=3",
        ["students.electra.epohs", "unknown key", "`epochs`"],
    ),
    "an unknown key at the top": ("corpora={}", ["corpora", "unknown key", "`corpus`"]),
    "5e-5, which YAML reads as text": (
        "students.electra.learning_rate=5e-5",
        ["students.electra.learning_rate", "'5e-5' is text", "write 5.0e-5"],
    ),
    "1E3, which YAML reads as text": (
        "students.electra.epochs=1E3",
        ["students.electra.epochs", "'1E3' is text", "write 1.0e3"],
    ),
    "a quoted number": ("corpus.n_train='50'", ["corpus.n_train", "'50' is text, not a number"]),
    "a fraction of 0": ("sampling.fractions=[0]", ["sampling.fractions.0", "0", "greater than 0"]),
    "a fraction of 10": (
        "sampling.fractions=[0.1, 10]",
        ["sampling.fractions.1", "10", "less than or equal to 1"],
    ),
    "a fraction of 1, which leaves nothing to a Teacher": (
        "sampling.fractions=[1]",
        ["sampling.fractions", "nothing to label", "the arm `full`"],
    ),
    "a fraction twice": ("sampling.fractions=[0.1, 0.1]", ["fractions", "one value twice"]),
    "a seed twice": ("sampling.seeds=[3, 3]", ["seeds [3, 3]", "one value twice"]),
    "a negative seed": ("sampling.seeds=[-1]", ["sampling.seeds.0", "-1"]),
    "a seed too large for NumPy": ("sampling.seeds=[4294967296]", ["sampling.seeds.0"]),
    "a number that is no list": ("sampling.seeds=1", ["sampling.seeds", "1", "list"]),
    "a truth value as count": ("corpus.n_train=true", ["corpus.n_train", "True", "integer"]),
    "an endless training": ("students.electra.epochs=.inf", ["students.electra.epochs", "finite"]),
    "a number that is none": ("students.electra.epochs=.nan", ["students.electra.epochs"]),
    "a primary_fraction that is no fraction": (
        "sampling.primary_fraction=0.2",
        ["primary_fraction 0.2", "not among fractions [0.1]"],
    ),
    "two Teachers of one name": (
        "teachers=[{name: a, kind: classical}, {name: a, kind: classical, alpha: 2}]",
        ["teachers", "'a'", "names must differ"],
    ),
    "two Students of one name": (
        "students=[{name: a, kind: classical}, {name: a, kind: classical}]",
        ["students", "'a'", "names must differ"],
    ),
    "a name with a space": (
        "teachers=[{name: my ridge, kind: classical}]",
        ["'my ridge' is not a name", "lowercase letters, digits and _"],
    ),
    "an arm twice": ("arms=[human, human]", ["arms", "one arm twice"]),
    "an arm that does not exist": ("arms=[human, robot]", ["arms.1", "'robot'", "'cyborg'"]),
    "no Student": ("students=[]", ["students", "at least 1"]),
    "a kind of corpus that does not exist": (
        "corpus.kind=real",
        ["corpus.kind", "'simulated', 'persuade'", "'asap1', 'table'"],
    ),
    "a corpus without its kind": ("corpus={n_train: 5}", ["corpus.kind", "must be one of"]),
    "a corpus without its files": (
        "corpus={kind: persuade}",
        ["corpus.files", "is required and missing"],
    ),
    "a model with two sources": (
        "students.electra.model.folder=models/electra",
        ["students.electra.model", "exactly one of hub, folder, from_scratch"],
    ),
    "a model with no source": (
        "students.electra.model={}",
        ["students.electra.model", "exactly one of hub, folder, from_scratch"],
    ),
    "a hub id without its revision": (
        "students.electra.model={hub: google/electra-base-discriminator}",
        ["students.electra.model", "google/electra-base-discriminator", "needs a `revision`"],
    ),
    "heads that do not share the hidden size": (
        "students.electra.model.from_scratch.hidden_size=66",
        ["students.electra.model.from_scratch", "hidden_size 66", "heads 4"],
    ),
    "a causal model as Student": (
        "students.electra.model.from_scratch.architecture=llama",
        ["students.electra", "electra or modernbert"],
    ),
    "an encoder as causal Teacher": (
        "teachers=[{name: t, kind: causal, pretraining: {}, "
        "model: {from_scratch: {architecture: electra}}}]",
        ["teachers.t", "architecture: llama"],
    ),
    "a causal Teacher from scratch without pretraining": (
        "teachers=[{name: t, kind: causal, model: {from_scratch: {architecture: llama}}}]",
        ["teachers.t", "`pretraining` goes with a model from scratch"],
    ),
    "a grown Teacher with pretraining": (
        "teachers=[{name: t, kind: causal, model: {folder: x}, pretraining: {}}]",
        ["teachers.t", "`pretraining` goes with a model from scratch"],
    ),
    "a simulated corpus with half points": (
        "corpus.scale={min: 1, max: 5, step: 0.5}",
        ["corpus", "simulated raters give whole scores"],
    ),
    "a scale that its steps miss": (
        "corpus.scale={min: 1, max: 6, step: 2}",
        ["corpus.scale", "no whole number of steps of 2"],
    ),
    "a scale of one point": ("corpus.scale={min: 3, max: 3}", ["corpus.scale", "steps"]),
    "simulated gradings with real essays": (
        "corpus={kind: persuade, files: {train: [a.csv]}}",
        ["external_graded_essays", "simulated corpus only"],
    ),
    "a bias beyond the whole": ("corpus.planted_bias=1.5", ["corpus.planted_bias", "1.5"]),
    "a name of its own": ("name=other", ["name", "unknown key", "named by its file"]),
    "a setting without a value": ("corpus.n_train", ["'corpus.n_train'", "key=value"]),
    "a setting without a key": ("=5", ["'=5'", "key=value"]),
    "a setting for a Student that does not exist": (
        "students.elektra.epochs=2",
        ["'students.elektra.epochs=2'", "'elektra'", "['electra']"],
    ),
    "a setting below a plain value": ("title.size=2", ["'title.size=2'", "title has no keys"]),
    "a setting that is no YAML": ("sampling.seeds=[1", ["'sampling.seeds=[1'", "YAML"]),
}


@pytest.mark.parametrize(("setting", "fragments"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_line_with_key_value_and_remedy(study_file, setting, fragments):
    if "external_graded_essays" in fragments:
        teacher = (
            "{name: t, kind: causal, model: {from_scratch: {architecture: llama}}, "
            "pretraining: {external_graded_essays: 10}}"
        )
        line = the_line(study_file, f"teachers=[{teacher}]", setting)
    else:
        line = the_line(study_file, setting)
    for words in fragments:
        assert words in line
    if not line.startswith("setting"):
        assert line.startswith(f"{study_file}: ")


def test_a_group_cannot_take_the_place_of_the_text(study_file):
    corpus = (
        "corpus={kind: table, files: {train: [a.csv]}, scale: {}, "
        "columns: {id: i, text: t, score: s, groups: {text: colour}}}"
    )
    line = the_line(study_file, corpus)
    assert "corpus.columns" in line
    assert "'text'" in line


def test_every_fault_of_a_file_is_told_in_a_line_of_its_own(study_file):
    faults = ["sampling.fractions=[0]", "corpus.n_trian=5", "students.electra.epochs=5e-5"]
    with pytest.raises(ParameterError) as caught:
        load_study(str(study_file), faults)
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{study_file}: ") for line in lines)
    assert {line.removeprefix(f"{study_file}: ").split(":")[0] for line in lines} == {
        "sampling.fractions.0",
        "corpus.n_trian",
        "students.electra.epochs",
    }


def test_a_study_that_does_not_exist_names_the_nearest_one_and_all():
    line = the_line("dem")
    assert "no study 'dem'" in line
    assert "did you mean 'demo'?" in line
    assert ", ".join(sorted(p.stem for p in (ROOT / "params").glob("*.yaml"))) in line
    assert "did you mean" not in the_line("zzzzzz")


def test_a_file_of_the_repository_is_named_from_its_root():
    line = the_line("demo", "corpus.n_train=0")
    assert line == "params/demo.yaml: corpus.n_train: 0: should be greater than or equal to 1"


def test_a_file_that_is_no_yaml_is_one_line_with_the_place(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("title: [1\ncorpus: {")
    line = the_line(path)
    assert f"{path}: not readable as YAML" in line
    assert "line 2" in line


def test_a_file_that_is_not_utf8_is_one_line(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("title: Aufsätze".encode("latin-1"))
    assert "not readable as YAML" in the_line(path)


def test_a_number_where_the_study_keeps_text_is_put_in_quotation_marks(study_file):
    study_file.write_text(MINIMAL.replace("A study", "2024"))
    with pytest.raises(ParameterError, match="title: 2024 is not text; write it in quotation mark"):
        load_study(str(study_file))


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words\n"])
def test_a_file_that_is_no_mapping_is_one_line(tmp_path, text):
    path = tmp_path / "list.yaml"
    path.write_text(text)
    assert "a study is a mapping of keys to values" in the_line(path)


def test_a_study_is_named_by_a_file_name_that_a_command_can_carry(tmp_path):
    path = tmp_path / "my study;.yaml"
    path.write_text(MINIMAL)
    assert "letters, digits" in the_line(path)


def test_an_unknown_teacher_or_student_names_those_that_exist(study_file):
    study = load_study(str(study_file))
    with pytest.raises(ParameterError, match=r"no teacher 'llama'; it has ridge$"):
        study.teacher("llama")
    with pytest.raises(ParameterError, match=r"no student 'bert'; it has electra$"):
        study.student("bert")


# ---------------------------------------------------------------- properties


@given(
    st.integers(-5, 5),
    st.integers(1, 40),
    st.sampled_from([0.1, 0.25, 0.5, 1, 2]),
)
def test_a_scale_has_every_step_from_its_lowest_to_its_highest_score(low, steps, step):
    scale = Scale(min=low, max=low + steps * step, step=step)
    labels = scale.labels
    assert len(labels) == steps + 1
    assert labels[0] == low
    assert labels[-1] == pytest.approx(low + steps * step)
    assert labels == sorted(set(labels))
    assert all(isinstance(v, int) for v in labels) == (
        all(v == int(v) for v in (low + i * step for i in range(steps + 1)))
    )


def test_a_half_point_scale_has_the_official_labels():
    assert Scale(min=1, max=5, step=0.5).labels == [1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5]
    assert Scale(min=1.0, max=6.0, step=1.0).labels == [1, 2, 3, 4, 5, 6]
    assert all(isinstance(v, int) for v in Scale(min=1.0, max=6.0).labels)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_fraction_is_accepted_exactly_when_it_lies_above_0_and_up_to_1(fraction):
    given_study = yaml.safe_load(MINIMAL)
    values = {**given_study, "name": "x", "arms": ["human"], "sampling": {"fractions": [fraction]}}
    if 0 < fraction <= 1:
        assert Study.model_validate(values).sampling.fractions == [fraction]
    else:
        with pytest.raises(ValueError, match="fractions"):
            Study.model_validate(values)


@given(st.text("abcdefghij_", min_size=1, max_size=12))
def test_no_unknown_key_is_accepted_anywhere(key):
    scorer = {"kind": "encoder", "name": "a", "model": {"folder": "x"}}
    if key in EncoderScorer.model_fields:
        return
    with pytest.raises(ValueError, match=re.escape(key)):
        EncoderScorer.model_validate({**scorer, key: 1})


@pytest.mark.parametrize(
    ("fraction", "n", "size"), [(0.1, 7770, 777), (0.05, 30, 2), (0.0001, 50, 1), (1, 12, 12)]
)
def test_the_subset_has_the_rounded_share_and_at_least_one_essay(fraction, n, size):
    assert subset_size(fraction, n) == size


@given(st.floats(0, 1, exclude_min=True), st.integers(1, 20_000))
def test_the_subset_never_exceeds_its_essays(fraction, n):
    size = subset_size(fraction, n)
    assert 1 <= size <= n
    assert abs(size - fraction * n) <= 0.5 or size == 1
