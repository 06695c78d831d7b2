"""Configuration schema of Teachers and Students.

`module` names the module that implements a kind, `libraries` the distributions that its results
depend on: a stage is rerun where that code or a version changes.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from cyborg_utils.study.schema.base import Count, Name, Positive, Seed, Strict

MAX_ANSWERS = 26  # letters: a causal Teacher answers each score by one


class FromScratch(Strict):
    """A small model that starts from random weights, with its own tokenizer."""

    architecture: Literal["llama", "electra", "modernbert"]
    hidden_size: Count = 128
    layers: Count = 4
    heads: Count = 4
    vocab_size: Annotated[int, Field(ge=300)] = 2048

    @model_validator(mode="after")
    def _heads_share_the_hidden_size(self):
        if self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"hidden_size {self.hidden_size} is not an even multiple of heads {self.heads}"
            )
        return self


class Model(Strict):
    """One of: a hub id with its revision, a local folder, or a model from scratch."""

    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    from_scratch: FromScratch | None = None

    @model_validator(mode="after")
    def _exactly_one(self):
        if sum(v is not None for v in (self.hub, self.folder, self.from_scratch)) != 1:
            raise ValueError("name exactly one of hub, folder, from_scratch")
        if self.hub and not self.revision:
            raise ValueError(
                f"hub id {self.hub} needs a `revision` (a commit): its weights must stay the same"
            )
        return self


class Pretraining(Strict):
    """Next-token pretraining of a from-scratch Teacher on texts without their scores.

    `external_graded_essays` is the number of essays of another simulated testing program, graded on
    its own scale, that are added to the texts; simulated corpora only.
    """

    epochs: Positive = 4
    learning_rate: Positive = 1.0e-3
    batch_size: Count = 16
    surface_questions: bool = True
    external_graded_essays: Annotated[int, Field(ge=0)] = 0


class Lora(Strict):
    """Low-rank adapters of a causal model (Hu et al., 2022)."""

    r: Count = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Linked(Strict):
    """How a scorer's scores are linked to the human scale, as a second reading beside plain
    rounding: by mean and standard deviation (`linear`), by the mean alone (`mean`), by the monotone
    least-squares curve (`isotonic`), or by the thresholds with the highest QWK (`cuts`)."""

    linking: Literal["linear", "mean", "isotonic", "cuts"] = "linear"


class Training(Linked):
    """How a neural scorer is trained, and how it scores.

    `batch_size` is the number of essays per optimizer step. `micro_batch_tokens` is the number of
    their tokens, with padding, per forward pass; without it all of them. Where memory runs out,
    either is lowered automatically. `gradient_checkpointing` saves memory and takes a third more
    time. `gpu_memory` is what the model needs in GB; 0 where a CPU suffices.
    """

    neural: ClassVar[bool] = True

    max_tokens: Annotated[int, Field(ge=16)] = 512
    epochs: Positive = 4
    learning_rate: Positive = 3.0e-4
    batch_size: Count = 16
    micro_batch_tokens: Annotated[int, Field(ge=16)] | None = None
    inference_batch_tokens: Annotated[int, Field(ge=16)] = 16384
    gradient_checkpointing: bool = False
    min_steps: Annotated[int, Field(ge=0)] = 0
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    precision: Literal["fp32", "bf16"] = "fp32"
    gpu_memory: Annotated[float, Field(ge=0)] = 0
    threads: Count = 1


class CausalTeacher(Training):
    """A causal language model with LoRA that completes a scoring prompt with one label token."""

    module: ClassVar[str] = "cyborg_utils.models.causal"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "peft", "accelerate")

    kind: Literal["causal"]
    name: Name
    model: Model
    pretraining: Pretraining | None = None
    lora: Lora = Lora()
    quantization: Literal["none", "nf4"] = "none"
    template: Literal["auto", "plain", "chat"] = "auto"
    rubric: str = ""
    trait_rubrics: dict[Name, str] = {}
    seed: Seed = 1

    @model_validator(mode="after")
    def _pretraining_is_for_scratch(self):
        if self.model.from_scratch and self.model.from_scratch.architecture != "llama":
            raise ValueError("a causal Teacher from scratch needs architecture: llama")
        if (self.model.from_scratch is None) != (self.pretraining is None):
            raise ValueError("`pretraining` goes with a model from scratch, and only with that")
        return self


class EncoderScorer(Training):
    """An encoder with a scoring head, as Student or as Teacher.

    `head` is regression of the score, classification into the points of the scale, or ordinal:
    whether the score is above each point, given that it is not below it.
    `group_penalty` is the weight of group-mean regularization: of the squared difference between
    the model's and the human mean score of each subgroup on the dev set, which is added to the
    loss; for a regression Student only.
    """

    module: ClassVar[str] = "cyborg_utils.models.encoder"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "accelerate")

    kind: Literal["encoder"]
    name: Name
    model: Model
    head: Literal["classification", "ordinal", "regression"] = "regression"
    group_penalty: Annotated[float, Field(ge=0)] = 0
    seed: Seed = 1

    @model_validator(mode="after")
    def _penalty_is_of_a_mean(self):
        if self.group_penalty and self.head != "regression":
            raise ValueError("group_penalty needs head: regression")
        return self

    @model_validator(mode="after")
    def _scratch_is_an_encoder(self):
        if self.model.from_scratch and self.model.from_scratch.architecture == "llama":
            raise ValueError("an encoder from scratch needs architecture: electra or modernbert")
        return self


class ClassicalScorer(Linked):
    """The baseline: tf-idf and length, ridge regression or (head: classification) logistic
    regression, which gives probabilities; `alpha` is the penalty of either."""

    module: ClassVar[str] = "cyborg_utils.models.classical"
    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    kind: Literal["classical"]
    name: Name
    head: Literal["classification", "regression"] = "regression"
    alpha: Positive = 1.0
    neural: ClassVar[bool] = False
    seed: ClassVar[int] = 1  # its training is not random


class StackedScorer(Linked):
    """A strong classical scorer for few labels: a Gaussian process on surface features and topics
    and a ridge regression on words, stacked. Its word frequencies and topics are learned from all
    train texts, scored or not."""

    module: ClassVar[str] = "cyborg_utils.models.stacked"
    libraries: ClassVar[tuple[str, ...]] = ("scikit-learn", "scipy")
    neural: ClassVar[bool] = False

    kind: Literal["stacked"]
    name: Name
    head: ClassVar[str] = "regression"
    seed: ClassVar[int] = 1  # of the parts that are predicted from each other


class EmbeddingScorer(Linked):
    """A Gaussian process on the embeddings of a frozen pretrained encoder: what an encoder's
    pretraining knows, without training it.

    `inference_batch_tokens`, `gpu_memory`, `precision` and `threads` are as for a trained encoder.
    """

    module: ClassVar[str] = "cyborg_utils.models.embedding"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers", "scikit-learn", "scipy")
    neural: ClassVar[bool] = False  # nothing in it is trained by gradient steps

    kind: Literal["embedding"]
    name: Name
    model: Model
    max_tokens: Annotated[int, Field(ge=16)] = 512
    inference_batch_tokens: Annotated[int, Field(ge=16)] = 16384
    precision: Literal["fp32", "bf16"] = "fp32"
    gpu_memory: Annotated[float, Field(ge=0)] = 0
    threads: Count = 1
    head: ClassVar[str] = "regression"
    seed: ClassVar[int] = 1  # of the parts that are predicted from each other

    @model_validator(mode="after")
    def _is_pretrained(self):
        if self.model.from_scratch:
            raise ValueError("kind embedding needs a pretrained model: name model.hub or folder")
        return self


Teacher = Annotated[
    CausalTeacher | EncoderScorer | ClassicalScorer | StackedScorer | EmbeddingScorer,
    Field(discriminator="kind"),
]
Student = Annotated[
    EncoderScorer | ClassicalScorer | StackedScorer | EmbeddingScorer, Field(discriminator="kind")
]
CLASSICAL = ("classical", "stacked")  # kinds that know no more than the essays at hand
