"""Every result and every page says what made it."""

from __future__ import annotations

import subprocess

import numpy as np
import pytest

import cyborg_utils
from cyborg_utils.reporting.notebooks import run_notebook
from cyborg_utils.study.provenance import provenance
from cyborg_utils.study.results import CorpusResult, StudentResult, read_result, write_result
from cyborg_utils.study.schema.base import ParameterError


def test_a_result_knows_its_package_its_commit_and_its_libraries():
    made_by = provenance()
    assert made_by.package == cyborg_utils.__version__
    assert made_by.libraries["numpy"] == np.__version__
    assert made_by.device
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode == 0:
        assert head.stdout.startswith(made_by.commit.rstrip("+"))


def test_a_result_is_read_as_it_was_written(tmp_path):
    row = {"split": "test", "essays": 3, "mean": 1 / 3, "sd": None}
    result = CorpusResult(simulated=True, splits=[row], human_human=None)
    write_result(tmp_path / "corpus.json", result)
    assert read_result(tmp_path / "corpus.json", CorpusResult) == result


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('{"simulated": true, "parts": []}', "splits: field required"),
        ('{"schema_version": 1, "simulated": true, "splits": []}', "schema_version"),
        ("", "invalid json"),
    ],
)
def test_a_result_of_another_version_is_refused_with_the_remedy(tmp_path, text, fault):
    (tmp_path / "corpus.json").write_text(text)
    with pytest.raises(ParameterError, match="run the study again") as caught:
        read_result(tmp_path / "corpus.json", CorpusResult)
    assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_field_that_no_result_has_is_an_error():
    with pytest.raises(ValueError, match="seeed"):
        StudentResult.model_validate({"seeed": 1})


def test_a_page_ends_with_what_made_it(tmp_path):
    run_notebook("00_concepts", {"seed": 1}, tmp_path / "executed.ipynb", tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    end = page[page.rindex("How this page was made") :]
    for fact in (cyborg_utils.__version__, f"numpy {np.__version__}", provenance().device):
        assert fact in end
