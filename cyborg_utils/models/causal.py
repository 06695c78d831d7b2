"""The generative Teacher: a causal language model with LoRA that answers with one label token.

The offline Teacher starts from random weights; `pretraining` lets it read texts without their
scores; a Teacher from the hub has been pretrained elsewhere. What follows is the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import AutoTokenizer, DynamicCache, PreTrainedModel, set_seed
from transformers.modeling_outputs import SequenceClassifierOutput

from cyborg_utils.corpus.columns import column, side_by_side
from cyborg_utils.models.loading import load_causal
from cyborg_utils.models.outputs import mean_kappa, scores_from_probabilities, softmax
from cyborg_utils.models.scoring_prompts import Prompt, build_prompt
from cyborg_utils.models.trainer import Pad, fit, logits_of, to_device
from cyborg_utils.study.schema.base import HOLISTIC
from cyborg_utils.study.schema.models import CausalTeacher, Model

PREFIX_PAYS = 100  # tokens of a shared prompt from which its keys and values are kept


class LabelTokenModel(torch.nn.Module):
    """A causal language model read at one position, the last, and at the label tokens only.

    Hidden states are computed for every position, vocabulary rows for the labels alone: no
    logits of other positions or words are ever made. Rows are padded on the right without a mask:
    a causal model does not look ahead, and its fastest attention kernels want no mask. (After a
    shared text there is one; at a few hundred tokens attention is a small part of the work.)
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

    def forward(self, input_ids, lengths, labels=None):
        causal = self.causal
        past = self._shared_for(len(input_ids)) if self.shared else None
        hidden = causal.base_model(
            input_ids=input_ids, past_key_values=past, use_cache=past is not None
        ).last_hidden_state
        rows = torch.arange(len(lengths), device=hidden.device)
        last = hidden[rows, lengths.to(hidden.device) - 1]
        head = causal.get_output_embeddings().weight[self.answers]
        # In 32 bits even under autocast: in bfloat16 logits near 20 move in steps of 0.125, and
        # the ties that come of it would all go to the lower score.
        with torch.autocast(hidden.device.type, enabled=False):
            logits = last.float() @ head.float().T
            loss = None if labels is None else torch.nn.functional.cross_entropy(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    @contextmanager
    def after(self, shared: list[int]) -> Iterator[None]:
        """Score what follows a text that all inputs share; it goes through the model once."""
        self.shared = shared
        try:
            yield
        finally:
            self.shared, self.cache = [], None

    def _shared_for(self, n: int) -> DynamicCache:
        """The shared text's keys and values for `n` rows; a forward pass adds its own to them."""
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
class TeacherModel:
    """A causal Teacher ready to be trained or to score."""

    reader: LabelTokenModel
    tokenizer: object
    prompts: dict[str, Prompt]  # one a trait
    spec: CausalTeacher
    labels: list

    def encode(self, texts: list[str], trait: str = HOLISTIC) -> list[dict]:
        """A trait's prompt around each text, and whether the text loses its end to `max_tokens`.

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
        """How many texts lose their end to `max_tokens` in the longest of the prompts."""
        return int(np.any([self._truncated(texts, trait) for trait in self.prompts], axis=0).sum())

    def score(self, texts: list[str]) -> pd.DataFrame:
        """`score` (most probable label), `continuous` (expected score), `p_<label>`, and
        `truncated`; the columns of a trait end in `:<trait>`."""
        parts, points = {}, np.array(self.labels, dtype=float)
        truncated = np.zeros(len(texts), dtype=bool)
        for trait in self.prompts:
            examples, shared = self.encode(texts, trait), self._shared_prompt(trait)
            rest = [{"input_ids": e["input_ids"][len(shared) :]} for e in examples]
            with self.reader.after(shared):
                logits = logits_of(self.reader, rest, self._pad(), self.spec)
            parts[trait] = scores_from_probabilities(softmax(logits), points)
            truncated |= [e["truncated"] for e in examples]
        return side_by_side(parts).assign(truncated=truncated)

    def _truncated(self, texts: list[str], trait: str) -> list[bool]:
        return [e["truncated"] for e in self.encode(texts, trait)]

    @property
    def commit(self) -> str | None:
        """The commit of the hub's weights that it was made from."""
        return getattr(self.reader.causal.config, "_commit_hash", None)

    def save(self, folder: Path) -> None:
        """The LoRA adapter and the tokenizer, as safetensors; the base model stays where it is, and
        no place on this machine is named."""
        self.reader.model.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # an empty card with the base's place
        about = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        base = about["base_model_name_or_path"] or ""
        about["base_model_name_or_path"] = Path(base).name if Path(base).is_absolute() else base
        (folder / "adapter_config.json").write_text(json.dumps(about, indent=2), encoding="utf-8")
        self.tokenizer.save_pretrained(folder)

    def _shared_prompt(self, trait: str) -> list[int]:
        """What stands before every essay, where it is long enough that keeping it pays."""
        layers = getattr(self.reader.causal.config, "layer_types", None) or []
        before = self.prompts[trait].before
        pays = len(before) >= PREFIX_PAYS
        return before if pays and set(layers) <= {"full_attention"} else []

    def _pad(self) -> Pad:
        return Pad(self.tokenizer.pad_token_id or 0, mask=False)


def train_teacher(
    spec: CausalTeacher,
    base: Path | None,
    subset: pd.DataFrame,
    dev: pd.DataFrame,
    labels: list,
    seed: int,
    work: Path | None = None,
    watch: Callable[[pd.DataFrame], None] | None = None,
    traits: Sequence[str] = (HOLISTIC,),
) -> tuple[TeacherModel, pd.DataFrame]:
    """Fine-tune a Teacher with LoRA on U; the loss is taken at the label position alone.

    It reads every essay once for each trait, in the trait's own prompt.

    Parameters
    ----------
    base : folder of the pretrained small model, or None for a Teacher from the hub or a folder.
    subset, dev : frames with `text`, `score` and `score:<trait>`; dev picks the best weights.
    work, watch : as for `cyborg_utils.models.trainer.fit`.
    """
    model, tokenizer = _base_model(spec, base)
    set_seed(seed)
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
    teacher = make_teacher(model, tokenizer, spec, labels, traits)
    examples = [example for trait in traits for example in _labeled(teacher, subset, trait)]

    def judge() -> float:
        return mean_kappa(dev, teacher.score(dev["text"].tolist()), labels, traits)

    log = fit(teacher.reader, examples, teacher._pad(), spec, seed, judge, work, watch)
    return teacher, log


def _labeled(teacher: TeacherModel, subset: pd.DataFrame, trait: str) -> list[dict]:
    index = {v: i for i, v in enumerate(teacher.labels)}
    examples = teacher.encode(subset["text"].tolist(), trait)
    for example, score in zip(examples, subset[column("score", trait)], strict=True):
        example["labels"] = index[score]
    return examples


def load_teacher(
    spec: CausalTeacher,
    base: Path | None,
    adapter: Path,
    labels: list,
    traits: Sequence[str] = (HOLISTIC,),
) -> TeacherModel:
    """A fine-tuned Teacher from its base model and its adapter folder, ready to score.

    The adapter is merged into the weights, which scores faster; 4-bit weights would lose by it.
    """
    model, _ = _base_model(spec, base)
    tokenizer = AutoTokenizer.from_pretrained(adapter)
    model = PeftModel.from_pretrained(model, adapter)
    if spec.quantization == "none":
        model = model.merge_and_unload()
    _cast_by_autocast(model, spec)
    return make_teacher(model, tokenizer, spec, labels, traits)


def _cast_by_autocast(model, spec: CausalTeacher) -> None:
    """Let autocast alone cast an adapter's inputs: peft would keep a 32-bit copy of each."""
    for module in model.modules():
        if isinstance(module, BaseTunerLayer) and spec.precision == "bf16":
            module.cast_input_dtype_enabled = False


def _base_model(spec: CausalTeacher, base: Path | None):
    source = Model(folder=str(base)) if base else spec.model
    return load_causal(source, spec.max_tokens, [], spec.seed, spec.quantization)


def make_teacher(
    model, tokenizer, spec: CausalTeacher, labels: list, traits: Sequence[str] = (HOLISTIC,)
) -> TeacherModel:
    prompts = {trait: teacher_prompt(tokenizer, spec, labels, trait) for trait in traits}
    reader = LabelTokenModel(model, prompts[traits[0]].answers)
    return TeacherModel(to_device(reader), tokenizer, prompts, spec, labels)


def teacher_prompt(tokenizer, spec: CausalTeacher, labels: list, trait: str = HOLISTIC) -> Prompt:
    """A Teacher's prompt for a trait, checked: a token for each score, and room for the essay.

    A trait without a rubric of its own is named, after the Teacher's general rubric.
    """
    rubric = spec.rubric
    if trait != HOLISTIC:
        rubric = spec.trait_rubrics.get(trait, f"{rubric.strip()}\n\nTrait: {trait}")
    prompt = build_prompt(tokenizer, labels, rubric, spec.template)
    if prompt.room(spec.max_tokens) < 8:
        raise ValueError(
            f"teacher {spec.name}: max_tokens {spec.max_tokens} leaves no room for the essay "
            f"beside a prompt of {len(prompt.before) + len(prompt.after)} tokens; raise it"
        )
    return prompt
