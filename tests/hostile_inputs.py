"""Drivers for hostile and broken inputs: each gives what was accepted, or the message.

`driver(input, tmp_path, made)` returns the answer to an input; `made` has essays and models.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_models import with_chat

from cyborg_utils.cli import main
from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.corpus.table_files import TableError
from cyborg_utils.corpus.validation import CorpusError
from cyborg_utils.models.loading import load_causal, load_tokenizer
from cyborg_utils.models.saved_model import StudentError, load_student
from cyborg_utils.models.scorer import ModelError
from cyborg_utils.models.scoring_prompts import build_prompt
from cyborg_utils.reporting.narrative.corpus import anomalies_note
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import HOLISTIC, ParameterError
from cyborg_utils.study.schema.models import Model
from cyborg_utils.workflow import study_files
from cyborg_utils.workflow.score_essays import score_file

LABELS = [1, 2, 3, 4, 5, 6]
N = 160
USUAL = simulate_corpus(N, seed=5)["text"][150]
SHORT = "My school should start later because pupils sleep too little. "
SMALL = """\
title: T
corpus: {kind: simulated}
teachers: [{name: ridge, kind: classical}]
students: [{name: ridge, kind: classical}]
"""
STUDY = """\
title: T
corpus:
  kind: table
  files: {{train: [{file}]}}
  columns:
    {{id: id, text: text, score: score, prompt: prompt, split: split, groups: {{gender: gender}}}}
  scale: {{min: 1, max: 6}}
{more}teachers: [{{name: ridge, kind: classical}}]
students: [{{name: ridge, kind: classical}}]
"""


def essay(text: str, tmp_path: Path, made) -> str:
    """A study's corpus with this essay in it, and the same essay scored by a Student."""
    written = read(put("text", [text]), tmp_path, made)
    if not written.startswith("read"):
        return written
    rows = pd.DataFrame({"id": ["a", "b"], "text": [text, made.table["text"][0]]})
    rows.to_csv(tmp_path / "new.csv", index=False)
    options = {"id": "id", "text": "text", "show": print}
    score_file(made.ridge, tmp_path / "new.csv", tmp_path / "scores.csv", **options)
    scored = pd.read_csv(tmp_path / "scores.csv").set_index("id").loc["a"]
    if pd.notna(scored["score"]):  # by the rule that every essay is scored by
        assert scored["score"] == made.model.score([text])["score"].item()
    message = "not scored" if pd.isna(scored["score"]) else "scored"
    return "; ".join([written, message] + ([scored["flag"]] if pd.notna(scored["flag"]) else []))


def read(spoil: Callable | bytes, tmp_path: Path, made, more: str = "", name="essays.csv") -> str:
    """A corpus file, read as a study reads it."""
    data = spoil(made.table.copy()) if callable(spoil) else spoil
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.to_csv(index=False).encode())
    (tmp_path / "mine.yaml").write_text(STUDY.format(file=path, more=more), encoding="utf-8")
    try:
        corpus = load_corpus(load_study(str(tmp_path / "mine.yaml")))
    except (CorpusError, ParameterError) as error:
        return str(error).replace(f"{tmp_path}/", "")
    if not isinstance(data, pd.DataFrame):
        return f"read: {len(corpus)} essays"
    columns = ["id", "text", "prompt", "gender"]
    result = corpus.rename(columns={"essay_id": "id"}).set_index("id").loc[data["id"].astype(str)]
    same = [c for c in columns[1:] if result[c].fillna("").tolist() != data[c].tolist()]
    scores = pd.to_numeric(data["score"], errors="coerce").to_numpy(dtype=float)
    same += ["score"] * (not np.array_equal(result["score"], scores, equal_nan=True))
    odd = anomalies_note(corpus["text"])
    kinds = [] if odd is None else [odd.split(": ")[1].split(". ")[0]]
    return "; ".join(["read", *(f"{c} changed" for c in same), *kinds])


def study(data, tmp_path: Path, made) -> str:
    """`cyborg new` of a file."""
    spoil, name = data if isinstance(data, tuple) else (data, "essays.csv")
    path, options = tmp_path / name, []
    if callable(spoil):
        spoil = spoil(made.table.drop(columns=["prompt", "split"]))
    if isinstance(spoil, pd.DataFrame):
        spoil = spoil.to_csv(index=False).encode()
    if spoil == "folder":
        path.mkdir()
    elif spoil is not None:
        path.write_bytes(spoil)
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study_files, "params_folder", lambda: tmp_path)
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", error)
        code = main(["new", "mine", str(path), *options])
    if code:
        return error.getvalue().strip().replace(f"{tmp_path}/", "")
    return next(line for line in out.getvalue().splitlines() if line.startswith(name))


def ids(values: list[str], tmp_path: Path, made) -> str:
    """Ids through a study's corpus and through a file of scores."""
    written = read(put("id", values), tmp_path, made)
    if not written.startswith("read"):
        return written
    rows = pd.DataFrame({"id": values, "text": made.table["text"].head(len(values))})
    rows.to_csv(tmp_path / "new.csv", index=False)
    score_file(made.ridge, tmp_path / "new.csv", tmp_path / "scores.csv", id="id", text="text")
    back = pd.read_csv(tmp_path / "scores.csv", dtype=str, keep_default_na=False)
    return f"{written}; {'unchanged' if back['id'].tolist() == values else 'changed'}"


def tokens(text: str, tmp_path: Path, made) -> str:
    """A Teacher's tokens around and inside an essay."""
    chatty = with_chat(made.teacher.tokenizer)
    prompt = build_prompt(chatty, LABELS)
    teacher = replace(made.teacher, tokenizer=chatty, prompts={HOLISTIC: prompt})
    teacher = replace(teacher, spec=made.teacher.spec.model_copy(update={"max_tokens": 900}))
    (row,) = teacher.encode([text])
    result = row["input_ids"][len(prompt.before) : len(row["input_ids"]) - len(prompt.after)]
    special = set(chatty.all_special_ids)
    assert row["input_ids"] == prompt.before + result + prompt.after
    around = [t for t in prompt.before + prompt.after if t in special]
    inside = [t for t in result if t in special]
    same = "as written" if chatty.decode(result) == text else "changed"
    return f"{len(around)} special tokens around it, {len(inside)} inside, {same}"


def yaml(text: str, tmp_path: Path, made) -> str:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        load_study(str(path))
    except ParameterError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return "a study"


def model(spoil: Callable, tmp_path: Path, made) -> str:
    """A folder with a model for a Teacher."""
    folder = shutil.copytree(made.llama, tmp_path / "llama")
    spoil(folder)
    spec = Model(folder=str(folder))
    try:
        load_tokenizer(spec)
        load_causal(spec, 64, [], 1)
    except ModelError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return "loaded"


def student(spoil: Callable, tmp_path: Path, made) -> str:
    """A folder with a Student."""
    folder = shutil.copytree(made.ridge, tmp_path / "ridge")
    spoil(folder)
    try:
        load_student(folder)
    except StudentError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return "loaded"


def score(data: bytes, tmp_path: Path, made) -> str:
    """A CSV for `make score`."""
    (tmp_path / "new.csv").write_bytes(data)
    try:
        result = score_file(made.ridge, tmp_path / "new.csv", tmp_path / "scores.csv")
    except TableError as error:
        return str(error).replace(f"{tmp_path}/", "")
    return f"scored: {result.essays} essays"


def put(column: str, values: list) -> Callable:
    """A change of the first rows of a table's column."""

    def changed(table: pd.DataFrame) -> pd.DataFrame:
        data = table[column].astype(object)
        data.iloc[: len(values)] = values
        return table.assign(**{column: data})

    return changed


def unscored(part: str) -> Callable:
    """The table with all scores of a part taken out."""
    return lambda table: table.assign(score=table["score"].where(table["split"] != part))


def edit(name: str, **changes) -> Callable:
    """A change of a folder's JSON file."""

    def changed(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return changed


def written(**how) -> Callable:
    """The table as bytes, saved in another way."""
    return lambda table: table.to_csv(index=False, **how).encode(how.get("encoding", "utf-8"))


def check(message: str, answer: str) -> None:
    """Compare a message with an answer, in which ` ... ` is text of a library."""
    first, elided, last = answer.partition(" ... ")
    if elided:
        assert message.startswith(first) and message.endswith(last)
    else:
        assert message == answer, message
