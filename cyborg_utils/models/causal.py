"""Causal scorers: a language model with LoRA that completes a scoring prompt with one label token.

A small one starts from random weights and is pretrained by `pretraining` on texts without scores;
one from the hub is pretrained already. Fine-tuning and scoring are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import (
    AutoTokenizer,
    DynamicCache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import column, side_by_side
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.outputs import scores_from_probabilities, softmax
from cyborg_utils.models.scorer import TrainingInput, read_description, write_description
from cyborg_utils.models.scoring_prompts import Prompt, build_prompt
from cyborg_utils.models.trainer import Pad, logits_of, to_device, train_network
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import CausalTeacher, Model

MIN_CACHED_TOKENS = 100  # of a shared prompt from which its keys and values are cached


class LabelTokenModel(torch.nn.Module):
    """A causal language model with logits of the label tokens at the last position only.

    Hidden states are computed for every position, logits neither for other positions nor for other
    tokens. Rows are padded on the right without a mask: a causal model does not attend to later
    positions, and its fastest attention kernels take no mask. (After a shared prefix there is one;
    at a few hundred tokens attention is a small part of the computation.)
    """

    def __init__(self, model: torch.nn.Module, answers: list[int]):
        super().__init__()
        self.model = model
        self.register_buffer("answers", torch.tensor(answers), persistent=False)
        self.shared, self.cache = [], None

    @property
    def causal(self) -> PreTrainedModel:
        """The language model itself, with its adapter inside where it has one."""
        return self.model.get_base_model() if isinstance(self.model, PeftModel) else self.model

    def forward(
        self, input_ids: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor | None = None
    ) -> SequenceClassifierOutput:
        causal = self.causal
        past = self._cache_for(len(input_ids)) if self.shared else None
        hidden = causal.base_model(
            input_ids=input_ids, past_key_values=past, use_cache=past is not None
        ).last_hidden_state
        rows = torch.arange(len(lengths), device=hidden.device)
        last = hidden[rows, lengths.to(hidden.device) - 1]
        head = causal.get_output_embeddings().weight[self.answers]
        # In 32 bits even under autocast: in bfloat16 logits near 20 have steps of 0.125, and the
        # resulting ties would all go to the lower score.
        with torch.autocast(hidden.device.type, enabled=False):
            logits = last.float() @ head.float().T
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    @contextmanager
    def after(self, shared: list[int]) -> Iterator[None]:
        """Score inputs that follow a shared prefix, which goes through the model once."""
        self.shared = shared
        try:
            yield
        finally:
            self.shared, self.cache = [], None

    def _cache_for(self, n: int) -> DynamicCache:
        """The prefix's keys and values for `n` rows; a forward pass adds its own to them."""
        if self.cache is None:
            ids = torch.tensor([self.shared], device=self.answers.device)
            self.cache = self.causal.base_model(input_ids=ids, use_cache=True).past_key_values
        cache = DynamicCache()
        for i, layer in enumerate(self.cache.layers):
            cache.update(
                layer.keys.expand(n, -1, -1, -1), layer.values.expand(n, -1, -1, -1), layer_idx=i
            )
        return cache


@dataclass
class CausalModel:
    """A causal language model with a prompt for each trait, ready to be trained or to score."""

    reader: LabelTokenModel
    tokenizer: PreTrainedTokenizerBase
    prompts: dict[str, Prompt]  # one per trait
    spec: CausalTeacher
    labels: list[float]

    @classmethod
    def wrap(
        cls,
        model: torch.nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        spec: CausalTeacher,
        labels: list[float],
        traits: Sequence[str] = (HOLISTIC,),
    ) -> CausalModel:
        """A language model, with or without an adapter, and the prompts of its traits."""
        prompts = {trait: trait_prompt(tokenizer, spec, labels, trait) for trait in traits}
        reader = LabelTokenModel(model, prompts[traits[0]].answers)
        return cls(to_device(reader), tokenizer, prompts, spec, labels)

    @property
    def traits(self) -> list[str]:
        return list(self.prompts)

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights that it was made from."""
        return getattr(self.reader.causal.config, "_commit_hash", None)

    def encode(self, texts: list[str], trait: str = HOLISTIC) -> list[dict]:
        """A trait's prompt around each text, and whether the text is truncated at `max_tokens`.

        Special tokens inside an essay are plain text.
        """
        essays = self.tokenizer(
            texts, add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        prompt = self.prompts[trait]
        room = prompt.room(self.spec.max_tokens)
        return [
            {
                "input_ids": prompt.encode(e, self.spec.max_tokens),
                "truncated": len(e) > room,
            }
            for e in essays
        ]

    def count_truncated(self, texts: list[str]) -> int:
        """How many texts are truncated at `max_tokens` in any of the prompts."""
        return int(np.any([self._truncated(texts, trait) for trait in self.prompts], axis=0).sum())

    def score(self, texts: list[str]) -> pd.DataFrame:
        """See `Scorer.score`: `score` is the most probable label, `continuous` the expected
        score."""
        by_trait, points = {}, np.array(self.labels, dtype=float)
        truncated = np.zeros(len(texts), dtype=bool)
        for trait in self.prompts:
            examples, shared = self.encode(texts, trait), self._shared_prompt(trait)
            rest = [{"input_ids": e["input_ids"][len(shared) :]} for e in examples]
            with self.reader.after(shared):
                logits = logits_of(self.reader, rest, self.pad, self.spec)
            by_trait[trait] = scores_from_probabilities(softmax(logits), points)
            truncated |= [e["truncated"] for e in examples]
        return side_by_side(by_trait).assign(truncated=truncated)

    def save(self, folder: Path) -> None:
        """The LoRA adapter as safetensors, and the tokenizer, without the base model and without
        paths of this machine."""
        self.reader.model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # an empty card with the base's path
        about = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        base = about["base_model_name_or_path"] or ""
        about["base_model_name_or_path"] = Path(base).name if Path(base).is_absolute() else base
        (folder / "adapter_config.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        self.tokenizer.save_pretrained(folder)
        write_description(folder, self)

    @property
    def pad(self) -> Pad:
        """The function that collates its examples."""
        return Pad(self.tokenizer.pad_token_id or 0, mask=False)

    def _truncated(self, texts: list[str], trait: str) -> list[bool]:
        return [e["truncated"] for e in self.encode(texts, trait)]

    def _shared_prompt(self, trait: str) -> list[int]:
        """The prompt before the essay, where it is long enough to be cached; otherwise empty."""
        layers = getattr(self.reader.causal.config, "layer_types", None) or []
        before = self.prompts[trait].before
        is_long = len(before) >= MIN_CACHED_TOKENS
        return before if is_long and set(layers) <= {"full_attention"} else []


def fit(spec: CausalTeacher, training: TrainingInput) -> tuple[CausalModel, pd.DataFrame, None]:
    """Fine-tune with LoRA; the loss is computed at the label position only.

    Every essay is an example for each trait, in the trait's prompt. Weights of labels,
    probabilities and groups are not used.
    """
    model, tokenizer = _base_model(spec, training.base)
    set_seed(training.seed)
    model = get_peft_model(
        model,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=spec.lora.r,
            lora_alpha=spec.lora.alpha,
            lora_dropout=spec.lora.dropout,
            target_modules="all-linear",
        ),
    )
    _cast_by_autocast(model, spec)
    scorer = CausalModel.wrap(model, tokenizer, spec, training.labels, training.traits)
    examples = [
        example for trait in training.traits for example in _labeled(scorer, training.train, trait)
    ]
    log = train_network(
        scorer.reader,
        examples,
        scorer.pad,
        spec,
        training.seed,
        evaluate=lambda: training.dev_kappa(scorer),
        work=training.work,
        on_evaluate=training.on_evaluate,
    )
    return scorer, log, None


def load(folder: Path, base: Path | None = None) -> CausalModel:
    """Load a fine-tuned scorer from its base model and its adapter's folder.

    The adapter is merged into the weights, which makes scoring faster; not into 4-bit weights,
    which would lose precision.

    Parameters
    ----------
    base : folder of the pretrained model of a scorer from scratch, else None.
    """
    spec, about = read_description(folder)
    model, _ = _base_model(spec, base)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = PeftModel.from_pretrained(model, folder)
    if spec.quantization == "none":
        model = model.merge_and_unload()
    _cast_by_autocast(model, spec)
    return CausalModel.wrap(model, tokenizer, spec, about["labels"], about["traits"])


def trait_prompt(
    tokenizer: PreTrainedTokenizerBase,
    spec: CausalTeacher,
    labels: list[float],
    trait: str = HOLISTIC,
) -> Prompt:
    """Build and check the scoring prompt of a trait.

    For a trait without its own rubric, the trait's name follows the general rubric.

    Raises
    ------
    ValueError
        The prompt leaves no room for an essay, or a score is not a single token.
    """
    rubric = spec.rubric
    if trait != HOLISTIC:
        rubric = spec.trait_rubrics.get(trait, f"{rubric.strip()}\n\nTrait: {trait}")
    prompt = build_prompt(tokenizer, labels, rubric, spec.template)
    if prompt.room(spec.max_tokens) < 8:
        raise ValueError(
            f"teacher {spec.name}: max_tokens {spec.max_tokens} leaves no room for the essay "
            f"next to a prompt of {len(prompt.before) + len(prompt.after)} tokens; raise it"
        )
    return prompt


def _labeled(scorer: CausalModel, train: pd.DataFrame, trait: str) -> list[dict]:
    index = {v: i for i, v in enumerate(scorer.labels)}
    examples = scorer.encode(train["text"].tolist(), trait)
    for example, score in zip(examples, train[column("score", trait)], strict=True):
        example["labels"] = index[score]
    return examples


def _base_model(
    spec: CausalTeacher, base: Path | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    source = Model(folder=str(base)) if base else spec.model
    return load_causal(source, spec.max_tokens, [], spec.seed, spec.quantization)


def _cast_by_autocast(model: torch.nn.Module, spec: CausalTeacher) -> None:
    """Let only autocast cast an adapter's inputs: peft would keep a 32-bit copy of each."""
    for module in model.modules():
        if isinstance(module, BaseTunerLayer) and spec.precision == "bf16":
            module.cast_input_dtype_enabled = False
