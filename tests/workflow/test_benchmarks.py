"""The model benchmarks at their smallest: what they count and what they write, not how fast."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from study_runs import ROOT
from transformers import AutoModelForCausalLM

from cyborg_utils.workflow.rehearsal import config_of

sys.path.insert(0, str(ROOT / "benchmarks"))
import hardware  # noqa: E402
import labeling  # noqa: E402
import student_training  # noqa: E402
import teacher_training  # noqa: E402

MEASURED = hardware.matmul_ceiling
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def page(tmp_path) -> Path:
    return Path(shutil.copy(hardware.README, tmp_path / "page.md"))


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(hardware, "matmul_ceiling", lambda: 1.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for each other take seconds on a busy machine
    yield
    torch.set_num_threads(threads)


def run(script, page, models, *more) -> list[dict]:
    """Run a script at its smallest and check what all of them promise."""
    before = hardware.README.read_bytes()
    options = ["--tiny", "--write", "--readme", str(page), "--folder", str(models), *more]
    rows = script.main(options)
    assert hardware.README.read_bytes() == before
    figures = [v for row in rows for v in row.values() if isinstance(v, float)]
    assert all(row["MFU"] == row["TFLOP/s"] for row in rows)  # of the ceiling of 1
    assert np.isfinite(figures).all() and min(figures) >= 0
    assert len({row["essays"] for row in rows}) == 1
    return rows


def section(page: Path, name: str) -> str:
    text = page.read_text(encoding="utf-8")
    return text.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]


def test_labeling_reads_the_same_logits_by_five_methods(page, models):
    rows = run(labeling, page, models, "--n", "4", "--tokens", "1024", "--repeats", "1")
    assert [row["essays"] for row in rows] == [4] * 5
    written = section(page, f"labeling-{hardware.kind()}")
    assert all(row["method"] in written for row in rows) and "4 simulated essays" in written


def test_labeling_prints_no_table_where_the_methods_differ(page, models, monkeypatch, capsys):
    right = labeling.generate
    monkeypatch.setattr(labeling, "generate", lambda *given: right(*given)[::-1])
    before = page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="disagree"):
        run(labeling, page, models, "--n", "4", "--tokens", "1024", "--repeats", "1")
    assert page.read_text(encoding="utf-8") == before
    assert "essays/s" not in capsys.readouterr().out


def test_teacher_training_measures_the_second_epoch(page, models):
    rows = run(teacher_training, page, models, "--n", "5", "--batch", "2", "--plain-batch", "1")
    assert [row["essays"] for row in rows] == [4, 4]  # whole batches
    assert rows[0]["padded"] <= 0.01 + rows[1]["padded"]  # one essay at a time: only the label
    assert "1 per forward pass" in section(page, f"teacher-training-{hardware.kind()}")


def test_student_training_pads_less(page, models, tmp_path):
    essays = tmp_path / "essays.csv.gz"
    texts = [f"Essay {i}. " + "Because it is so. " * (i + 1) for i in range(8)]
    hardware.pd.DataFrame({"full_text": texts}).to_csv(essays, index=False)
    more = ["--n", "8", "--batch", "2", "--max-tokens", "128", "--repeats", "1"]
    rows = run(student_training, page, models, *more, "--essays", str(essays))
    assert len(rows) == 8
    padded = {(row["model"], row["task"], row["padded to"]): row["padded"] for row in rows}
    for (model, task, to), share in padded.items():
        assert share <= padded[model, task, "max_tokens"], to
    assert "8 real essays" in section(page, f"student-training-{hardware.kind()}")


def test_a_write_replaces_its_own_section_alone(page):
    hardware.write_section("labeling-cpu", "the first", page)
    before = page.read_text(encoding="utf-8")
    hardware.write_section("labeling-cpu", "the other", page)
    assert page.read_text(encoding="utf-8") == before.replace("the first", "the other")
    hardware.write_section("labeling-gpu", "a GPU", page)
    assert section(page, "labeling-cpu").strip() == "the other"
    assert section(page, "labeling-gpu").strip() == "a GPU"
    other = "student-training-gpu"
    assert section(page, other) == section(hardware.README, other)
    with pytest.raises(ValueError, match="no section elsewhere"):
        hardware.write_section("elsewhere", "", page)


def test_operations_are_those_of_the_layers_matrices_by_hand():
    model = AutoModelForCausalLM.from_config(config_of(LLAMA, tiny=True))
    # 3 layers; queries and output 32 x 32, keys and values 32 x 16 (one head of two), and the
    # three matrices between 32 and 64.
    weights = 3 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64)
    assert hardware.matrix_parameters(model) == weights
    assert hardware.operations(model, 100, "forward") == 2 * weights * 100
    assert hardware.operations(model, 100, "lora") == 4 * weights * 100
    assert hardware.operations(model, 100, "lora recomputed") == 6 * weights * 100
    assert hardware.operations(model, 100, "full") == 6 * weights * 100
    real = 32 * (2 * 4096 * 4096 + 2 * 4096 * 1024 + 3 * 4096 * 14336)
    with torch.device("meta"):
        assert (
            hardware.matrix_parameters(AutoModelForCausalLM.from_config(config_of(LLAMA))) == real
        )


def test_figures_and_memory_have_their_units():
    row = hardware.figures(10, 1000, 2.0, 4 * 10**12, None)
    assert row == {"essays/s": 5, "tokens/s": 500, "TFLOP/s": 2, "peak GB": None}
    assert hardware.table([row]).splitlines()[-1] == "| 5.00 | 500 | 2.000 | - |"
    assert 0 < MEASURED(size=64, repeats=1) < 1e6
    hardware.reset_peak()
    before = hardware.peak_memory()
    if before is not None:
        held = torch.ones(50_000_000, device=hardware.device())
        assert hardware.peak_memory() - before == pytest.approx(0.2, abs=0.05)
        del held
