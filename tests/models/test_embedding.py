"""A scorer on the embeddings of a frozen encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from small_models import embedding, fitted, scratch
from transformers import AutoModel, AutoTokenizer

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.scorer import ModelError
from cyborg_utils.study.schema.models import EmbeddingScorer
from cyborg_utils.study.storage import hash_folder

pytestmark = pytest.mark.usefixtures("on_the_cpu")


@pytest.fixture(scope="module")
def spec(tmp_path_factory) -> EmbeddingScorer:
    return embedding(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def essays() -> pd.DataFrame:
    return simulate_corpus(120, seed=2)


def test_an_embedding_is_the_mean_of_the_last_hidden_states_of_the_essay_alone(spec, essays):
    """Batches are padded; each essay's embedding is that of the essay by itself."""
    scorer = fitted(spec, essays[:30])[0].scorer
    texts = ["Short.", *essays["text"][28:36], "Short."]
    embedded, truncated = scorer.embed(texts)
    model = AutoModel.from_pretrained(spec.model.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(spec.model.folder)
    for text, row, cut in zip(texts, embedded, truncated, strict=True):
        ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)
        with torch.inference_mode():
            states = model(**ids).last_hidden_state[0]
        np.testing.assert_allclose(row, states.mean(0).numpy(), atol=1e-5)
        assert cut == (len(tokenizer(text)["input_ids"]) > 64)
    assert not truncated[0] and truncated[1]


def test_the_encoder_is_left_as_it_was_and_dev_changes_nothing(spec, essays):
    before = hash_folder(Path(spec.model.folder))
    dev = essays[60:80]
    other = dev.assign(score=7 - dev["score"])
    texts = essays["text"][80:].tolist()
    scored = [fitted(spec, essays[:60], d)[0].score(texts) for d in (dev, other)]
    pd.testing.assert_frame_equal(*scored, check_exact=True)
    assert hash_folder(Path(spec.model.folder)) == before


def test_what_an_embedding_knows_is_learned_and_noise_is_not(spec, essays):
    """A label that is a direction of the embedding is predicted for other essays."""
    scorer = fitted(spec, essays[:30])[0].scorer
    first = scorer.embed(essays["text"].tolist())[0][:, 0]
    known = pd.Series(first).rank(pct=True).mul(5).round().add(1).to_numpy()
    shuffled = np.random.default_rng(0).permutation(known)
    found = []
    for labels in (known, shuffled):
        model, _ = fitted(spec, essays.assign(score=labels)[:80])
        predicted = model.score(essays["text"][80:].tolist())["continuous"]
        found.append(np.corrcoef(predicted, labels[80:])[0, 1])
    assert found[0] > 0.8 and abs(found[1]) < 0.5


def test_an_encoder_from_random_weights_is_refused():
    with pytest.raises(ValidationError, match="needs a pretrained model"):
        EmbeddingScorer(kind="embedding", name="frozen", model=scratch("electra"))


def test_a_window_beyond_the_encoders_is_refused(spec, essays):
    with pytest.raises(ModelError, match="lower max_tokens 600"):
        fitted(spec.model_copy(update={"max_tokens": 600}), essays[:20])
