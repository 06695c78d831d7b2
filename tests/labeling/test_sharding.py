"""Shards: what is scored once stays scored, in any number of jobs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_runs import ROOT

from cyborg_utils.labeling.sharding import read_texts, score_in_shards
from cyborg_utils.study.config import load_study
from cyborg_utils.study.storage import ROWS, finished, work_folder, write_parquet

N = 2 * ROWS + 345


class CountingTeacher:
    """Scores an essay by the number in its text, and remembers what it was given."""

    def __init__(self, dies_after: int | None = None):
        self.given, self.dies_after = [], dies_after

    def score(self, texts: list[str]) -> pd.DataFrame:
        if self.dies_after is not None and len(self.given) >= self.dies_after:
            raise KeyboardInterrupt
        self.given.append(len(texts))
        numbers = [float(text.split()[1]) for text in texts]
        return pd.DataFrame({"score": numbers, "truncated": [n % 7 == 0 for n in numbers]})


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.parquet"
    texts = [f"essay {i} {'word ' * (i % 9)}" for i in range(N)]
    write_parquet(path, pd.DataFrame({"essay_id": [f"e{i}" for i in range(N)], "text": texts}))
    return path


@pytest.fixture(scope="module")
def essays(corpus_file):
    """Some rows of the corpus, as a Teacher gets them: every third is U's."""
    frame = pd.read_parquet(corpus_file, columns=["essay_id"])
    return frame[frame.index % 3 != 0]


@given(st.sets(st.integers(0, N - 1), min_size=1, max_size=40))
def test_texts_are_those_of_their_rows(corpus_file, rows):
    rows = np.array(sorted(rows))
    assert [int(t.split()[1]) for t in read_texts(corpus_file, rows)] == rows.tolist()


def test_only_the_row_groups_of_a_shard_are_read(corpus_file, monkeypatch):
    import pyarrow.parquet as pq

    read, real = [], pq.ParquetFile.read_row_groups

    def remember(self, groups, **more):
        read.append(groups)
        return real(self, groups, **more)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", remember)
    read_texts(corpus_file, np.array([ROWS - 1, ROWS]))
    read_texts(corpus_file, np.array([2 * ROWS + 1]))
    assert read == [[0, 1], [2]]


def test_shards_give_what_one_call_gives_and_no_more_than_a_shard_at_a_time(
    corpus_file, essays, tmp_path, capsys
):
    teacher = CountingTeacher()
    scores = score_in_shards(lambda: teacher, essays, corpus_file, tmp_path, 400)
    assert scores["essay_id"].tolist() == essays["essay_id"].tolist()
    assert scores["score"].tolist() == essays.index.tolist()
    assert teacher.given == [400, 400, 400, len(essays) - 1200]
    message = capsys.readouterr().out.splitlines()
    assert len(message) == 4 and message[0].startswith("400 of 1,563 essays, ")
    assert message[0].endswith("s left") and "about 0 s left" in message[-1]


def test_a_killed_run_loses_one_shard_at_most(corpus_file, essays, tmp_path, capsys):
    whole = score_in_shards(CountingTeacher, essays, corpus_file, tmp_path / "a", 400)
    with pytest.raises(KeyboardInterrupt):
        score_in_shards(
            lambda: CountingTeacher(dies_after=2), essays, corpus_file, tmp_path / "b", 400
        )
    assert len(list((tmp_path / "b").glob("shard-*.parquet"))) == 2
    teacher = CountingTeacher()
    capsys.readouterr()
    resumed = score_in_shards(lambda: teacher, essays, corpus_file, tmp_path / "b", 400)
    assert sum(teacher.given) == len(essays) - 800
    assert "800 of 1,563 essays are scored already" in capsys.readouterr().out
    pd.testing.assert_frame_equal(resumed, whole, check_exact=True)


def test_shards_of_other_essays_are_refused(corpus_file, essays, tmp_path):
    score_in_shards(CountingTeacher, essays, corpus_file, tmp_path, 400)
    with pytest.raises(ValueError, match="has shards of other essays; remove it"):
        score_in_shards(CountingTeacher, essays[1:], corpus_file, tmp_path, 400)


def test_a_finished_run_loads_no_model(corpus_file, essays, tmp_path):
    whole = score_in_shards(CountingTeacher, essays, corpus_file, tmp_path, 400)

    def refuse():
        raise AssertionError("nothing is left to score")

    again = score_in_shards(refuse, essays, corpus_file, tmp_path, 400)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)


@pytest.mark.parametrize("jobs", [2, 3, 9])
def test_jobs_share_the_shards(corpus_file, essays, tmp_path, jobs):
    whole = score_in_shards(CountingTeacher, essays, corpus_file, tmp_path / "one", 400)
    for part in range(jobs):
        teacher = CountingTeacher()
        result = score_in_shards(
            lambda t=teacher: t, essays, corpus_file, tmp_path / "many", 400, part, jobs
        )
        assert sum(teacher.given) <= -(-4 // jobs) * 400
        assert (result is None) == (part < min(jobs, 4) - 1)
    pd.testing.assert_frame_equal(result, whole, check_exact=True)


# ---------------------------------------------------------------- whose work it is


@pytest.fixture
def study(tmp_path):
    path = tmp_path / "unfinished-work.yaml"
    path.write_text((ROOT / "params/demo.yaml").read_text())
    study = load_study(str(path))
    yield study
    finished(study.folder / "unfinished")


def test_unfinished_work_is_resumed_and_starts_again_where_something_changed(study):
    frame = pd.DataFrame({"essay_id": ["a", "b"], "text": ["one", "two"]})
    spec = study.teachers[0]
    first = work_folder(study, "02_teacher_training--llama", spec, frame)
    first.mkdir(parents=True)
    assert work_folder(study, "02_teacher_training--llama", spec, frame.copy()) == first
    assert work_folder(study, "02_teacher_training--other", spec, frame).parent != first.parent
    assert first.exists()
    changed = [
        (spec.model_copy(update={"learning_rate": 1e-5}), frame),
        (spec, frame.assign(text=["one", "three"])),
        (spec, frame[:1]),
    ]
    for parts in changed:
        first.mkdir(parents=True, exist_ok=True)
        assert work_folder(study, "02_teacher_training--llama", *parts) != first
        assert not first.exists()  # what no longer fits is removed


def test_finished_work_leaves_nothing(study):
    work = work_folder(study, "03_labeling--llama", "hash")
    work.mkdir(parents=True)
    finished(work)
    assert not work.parent.exists()
    finished(work)  # of a stage that kept none
