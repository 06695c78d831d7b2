"""One interface for scorers of every kind, and no library of a kind that is not used."""

from __future__ import annotations

import ast
import json
import pkgutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from small_models import causal, classical, embedding, encoder, fitted, stacked
from study_runs import ROOT

from cyborg_utils import labeling
from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.pretraining import pretrain
from cyborg_utils.models.registry import load_scorer
from cyborg_utils.models.scorer import ModelError, Scorer, read_description
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.storage import precomputed_folder

KINDS = {"causal": causal, "encoder": encoder, "classical": classical, "stacked": stacked}
KINDS |= {"embedding": embedding}
TRAITS = [HOLISTIC, "style"]
HEAVY = ("torch", "transformers", "peft")


@dataclass
class Trained:
    scorer: Scorer
    log: pd.DataFrame | None
    spec: Teacher
    base: Path | None


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    return simulate_corpus(48, seed=5).assign(**{"score:style": lambda e: 7 - e["score"]})


@pytest.fixture(scope="module", params=KINDS)
def trained(request, essays, tmp_path_factory) -> Trained:
    """A scorer of each kind, trained on the CPU."""
    needs = [tmp_path_factory.mktemp("encoder")] if request.param == "embedding" else []
    spec, base = KINDS[request.param](*needs), None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: False)
        if request.param == "causal":
            base = tmp_path_factory.mktemp("base")
            pretrain(spec, essays["text"].tolist(), base)
        scorer, log = fitted(spec, essays[:30], essays[30:], traits=TRAITS, base=base)
        yield Trained(scorer, log, spec, base)


def test_every_kind_keeps_the_interface(trained, essays):
    assert isinstance(trained.scorer, Scorer)
    assert trained.scorer.spec == trained.spec
    assert trained.scorer.labels == [1, 2, 3, 4, 5, 6]
    assert trained.scorer.traits == TRAITS
    assert trained.scorer.commit is None  # no weights of the hub
    texts = essays["text"].tolist()
    scored = trained.scorer.score(texts)
    assert len(scored) == len(texts)
    for trait in ("", ":style"):
        assert scored[f"score{trait}"].isin(trained.scorer.labels).all()
        assert scored[f"continuous{trait}"].nunique() > 10
    assert trained.scorer.count_truncated(texts) == scored["truncated"].sum()


def test_a_neural_scorer_is_linked_on_dev_and_a_classical_one_on_train(trained, essays):
    scored = trained.scorer.score(essays["text"].tolist())
    for trait in ("", ":style"):
        human, linked = essays[f"score{trait}"], scored[f"linked{trait}"]
        on_dev = linked[30:].mean() == pytest.approx(human[30:].mean())
        assert on_dev == trained.spec.neural
        assert scored[f"linked_score{trait}"].isin(trained.scorer.labels).all()


def test_a_log_has_loss_and_agreement_on_dev_where_training_takes_steps(trained):
    if not trained.spec.neural:
        assert trained.log is None
    else:
        assert list(trained.log) == ["step", "loss", "dev_qwk"]


def test_every_kind_scores_the_same_after_saving(trained, essays, tmp_path):
    trained.scorer.save(tmp_path)
    loaded = load_scorer(tmp_path, trained.base)
    assert type(loaded) is type(trained.scorer)
    assert (loaded.spec, loaded.labels, loaded.traits) == (
        trained.spec, trained.scorer.labels, TRAITS,
    )  # fmt: skip
    texts = essays["text"].tolist()
    assert loaded.links == trained.scorer.links
    scores, again = (s.scorer.score(texts) for s in (trained.scorer, loaded))
    # A causal scorer's adapter is merged into its weights, which rounds at another place.
    close = {"atol": 1e-6, "rtol": 0} if trained.spec.kind == "causal" else {"check_exact": True}
    pd.testing.assert_frame_equal(again, scores, **close)
    assert not list(tmp_path.glob("*.bin")) + list(tmp_path.glob("*.pkl"))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (None, "no scorer.json, which says what kind of scorer this is; name a folder"),
        ({"labels": [1, 2]}, "`spec` is not the settings of a scorer \\(there are none\\)"),
        ({"spec": {"name": "a"}}, "Unable to extract tag using discriminator 'kind'"),
        ({"spec": {"kind": "forest"}}, "'forest' .* expected tags: 'causal', 'encoder', 'classic"),
        (
            {"spec": {"kind": "classical", "name": "a", "size": 1}},
            "size: Extra inputs are not permitted\\); train it anew with this version",
        ),
    ],
)
def test_a_folder_without_the_settings_of_a_scorer_is_refused(tmp_path, about, message):
    if about is not None:
        (tmp_path / "scorer.json").write_text(json.dumps(about))
    with pytest.raises(ModelError, match=message) as caught:
        load_scorer(tmp_path)
    assert "\n" not in str(caught.value)


def test_the_precomputed_scorers_are_of_the_demos_settings():
    """A setting that gets another name makes them unreadable."""
    demo, settings = load_study("demo"), {}
    for file in sorted(precomputed_folder(demo).rglob("scorer.json")):
        spec, _ = read_description(file.parent)
        settings[spec.name] = spec
    assert settings == {"llama": demo.teacher("llama"), "ridge": demo.student("ridge")}


# ---------------------------------------------------------------- what is imported


LIGHT = [
    "cyborg_utils.models.registry",
    "cyborg_utils.models.scorer",
    "cyborg_utils.models.classical",
    "cyborg_utils.models.saved_model",
    "cyborg_utils.models.novelty",
    "cyborg_utils.models.outputs",
    "cyborg_utils.reporting.model_card",
    "cyborg_utils.workflow.score_essays",
    *(name for _, name, _ in pkgutil.iter_modules(labeling.__path__, "cyborg_utils.labeling.")),
]


def run_python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)


def imports_of(notebook: Path) -> list[str]:
    """The imports of a notebook's cell that opens the study."""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "code" and {"install", "parameters"}.isdisjoint(
            cell.metadata.get("tags", [])
        ):
            lines = ast.parse(cell.source).body
            return [ast.unparse(n) for n in lines if isinstance(n, (ast.Import, ast.ImportFrom))]
    return []


def test_no_import_of_a_light_module_or_a_notebook_brings_a_neural_library():
    """Each is imported in turn by one process, and the first that brings one is named."""
    places = {name: [f"import {name}"] for name in LIGHT}
    places |= {path.stem: imports_of(path) for path in (ROOT / "notebooks").glob("0*.ipynb")}
    assert any("train_scorer" in line for line in places["04_student_training"])
    run = run_python(
        "import sys\n"
        f"for place, lines in {places!r}.items():\n"
        "    exec('\\n'.join(lines), {})\n"
        f"    brought = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "    assert not brought, f'{place} imports {brought}'\n"
    )
    assert run.returncode == 0, run.stderr


def test_a_classical_scorer_is_trained_saved_and_used_without_a_neural_library(tmp_path, essays):
    essays.to_parquet(tmp_path / "essays.parquet")
    run = run_python(
        "import sys\n"
        "from pathlib import Path\n"
        "import pandas\n"
        "from cyborg_utils.models.novelty import profile_of\n"
        "from cyborg_utils.models.registry import train_scorer\n"
        "from cyborg_utils.models.saved_model import load_student, save_student\n"
        "from cyborg_utils.models.scorer import TrainingInput\n"
        "from cyborg_utils.study.schema.models import ClassicalScorer\n"
        f"place = Path({str(tmp_path)!r})\n"
        "essays = pandas.read_parquet(place / 'essays.parquet')\n"
        "spec = ClassicalScorer(kind='classical', name='ridge')\n"
        "training = TrainingInput(essays, essays, [1, 2, 3, 4, 5, 6], spec.seed)\n"
        "model, _ = train_scorer(spec, training)\n"
        "texts = essays['text'].tolist()\n"
        "save_student(place / 'model', model, profile_of(texts), 'A card.')\n"
        "loaded, _ = load_student(place / 'model')\n"
        "loaded.score(texts).to_parquet(place / 'scores.parquet')\n"
        f"brought = [m for m in {HEAVY!r} if m in sys.modules]\n"
        "assert not brought, brought\n"
    )
    assert run.returncode == 0, run.stderr
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    expected = fitted(classical(), essays)[0].score(essays["text"].tolist())
    np.testing.assert_array_equal(scores["continuous"], expected["continuous"])
