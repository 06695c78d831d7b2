"""Models and tokenizers: from the hub, from a local folder, or small and from scratch."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors import SafetensorError
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    ElectraConfig,
    LlamaConfig,
    ModernBertConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    set_seed,
)
from transformers.utils import logging as hf_logging

from cyborg_utils.models.scorer import ModelError
from cyborg_utils.models.security import reject_reason
from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.schema.models import FromScratch, Model

hf_logging.disable_progress_bar()  # it is a script in a rendered report

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def device() -> torch.device:
    """The first CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_tokenizer(texts: Sequence[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer for a small model; every digit is one token."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL.values()),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    ids = {token: tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]")}
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=list(ids.items())
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="[CLS]", eos_token="[SEP]", **SPECIAL
    )


def load_encoder(
    spec: Model, n_outputs: int, max_tokens: int, texts: Sequence[str], seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load an encoder with a scoring head of `n_outputs`, and its tokenizer.

    `texts` train the tokenizer of a model from scratch and are not used otherwise. The same
    seed gives the same initial weights.

    Returns
    -------
    (model in float32, tokenizer)
    """
    if spec.from_scratch is None:
        tokenizer, source = load_tokenizer(spec), _source(spec)
        set_seed(seed)
        with _clear_errors(source):
            model = AutoModelForSequenceClassification.from_pretrained(
                source,
                revision=spec.revision,
                num_labels=n_outputs,
                ignore_mismatched_sizes=True,  # a head for another task is replaced
                dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                **_overrides(source, spec.revision),
            )
        _check_length(model, source, max_tokens)
        return model, tokenizer
    tokenizer = train_tokenizer(texts, spec.from_scratch.vocab_size)
    set_seed(seed)
    config = _small_encoder(spec.from_scratch, tokenizer, n_outputs, max_tokens)
    return AutoModelForSequenceClassification.from_config(config), tokenizer


def load_frozen(spec: Model, max_tokens: int) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a pretrained encoder without a head, in float32, and its tokenizer."""
    tokenizer, source = load_tokenizer(spec), _source(spec)
    with _clear_errors(source):
        model = AutoModel.from_pretrained(
            source,
            revision=spec.revision,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
        )
    _check_length(model, source, max_tokens)
    return model, tokenizer


def _check_length(model: PreTrainedModel, source: str, max_tokens: int) -> None:
    positions = getattr(model.config, "max_position_embeddings", max_tokens)
    if max_tokens > positions:
        raise ModelError(
            f"model {source} reads at most {positions} tokens; lower max_tokens {max_tokens}"
        )


def load_causal(
    spec: Model, max_tokens: int, texts: Sequence[str], seed: int, quantization: str = "none"
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer; bfloat16 on a GPU, float32 on a CPU.

    With `nf4` the weights are stored in 4 bits and computation is in bfloat16.
    """
    if spec.from_scratch is None:
        tokenizer, source = load_tokenizer(spec), _source(spec)
        gpu = torch.cuda.is_available()
        half = gpu or quantization != "none"
        with _clear_errors(source):
            model = AutoModelForCausalLM.from_pretrained(
                source,
                revision=spec.revision,
                dtype=torch.bfloat16 if half else torch.float32,
                device_map={"": 0} if gpu else None,
                quantization_config=four_bits() if quantization == "nf4" else None,
                use_safetensors=True,
                trust_remote_code=False,
            )
        return model, tokenizer
    small = spec.from_scratch
    tokenizer = train_tokenizer(texts, small.vocab_size)
    set_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=small.hidden_size,
        intermediate_size=small.hidden_size * 3,
        num_hidden_layers=small.layers,
        num_attention_heads=small.heads,
        num_key_value_heads=small.heads,
        max_position_embeddings=max_tokens,
        tie_word_embeddings=False,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return AutoModelForCausalLM.from_config(config), tokenizer


def four_bits() -> BitsAndBytesConfig:
    """Configuration of the 4-bit weights of QLoRA (Dettmers et al., 2023)."""
    if find_spec("bitsandbytes") is None:
        raise ModelError(
            "quantization: nf4 needs the package bitsandbytes: pip install 'cyborg-data[qlora]'"
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def load_tokenizer(spec: Model) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model from the hub or a folder."""
    source = _source(spec)
    with _clear_errors(source):
        tokenizer = AutoTokenizer.from_pretrained(
            source, revision=spec.revision, trust_remote_code=False
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _source(spec: Model) -> str:
    if spec.hub:
        return spec.hub
    path = working_folder() / spec.folder
    if not (path / "config.json").is_file():
        raise ModelError(
            f"model folder {spec.folder}: no config.json in it; name a folder that "
            "save_pretrained wrote, or a hub id"
        )
    if reason := reject_reason(path):
        raise ModelError(f"model folder {spec.folder}: {reason}")
    return str(path)


@contextmanager
def _clear_errors(source: str) -> Iterator[None]:
    """Raise one clear error for a model that cannot be loaded, with the remedy."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "gated" in str(error):
            reason = "is gated"
            remedy = "accept its license on its page and log in: `hf auth login`"
        elif getattr(error, "errno", None) == errno.ENOSPC:
            reason, remedy = "no space left on disk", "free some, or set HF_HOME to a larger disk"
        elif Path(source).is_dir():
            remedy = "is the folder complete, and are its weights safetensors?"
        else:
            remedy = (
                "without access to the hub, download it on another machine and name its folder in "
                "`model.folder`; weights must be safetensors"
            )
        raise ModelError(f"model {source}: cannot be loaded ({reason}); {remedy}") from None


def _overrides(source: str, revision: str | None) -> dict:
    """ModernBERT pools by mean; ELECTRA and BERT are 2-3 times faster without attention dropout."""
    kind = AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=False).model_type
    if kind == "modernbert":
        return {"classifier_pooling": "mean"}
    return {"attention_probs_dropout_prob": 0.0} if kind in ("electra", "bert") else {}


def _small_encoder(
    small: FromScratch, tokenizer: PreTrainedTokenizerBase, n_outputs: int, max_tokens: int
) -> PretrainedConfig:
    common = {
        "vocab_size": len(tokenizer),
        "hidden_size": small.hidden_size,
        "num_hidden_layers": small.layers,
        "num_attention_heads": small.heads,
        "max_position_embeddings": max_tokens,
        "pad_token_id": tokenizer.pad_token_id,
        "num_labels": n_outputs,
    }
    if small.architecture == "electra":
        return ElectraConfig(
            embedding_size=small.hidden_size,
            intermediate_size=small.hidden_size * 4,
            attention_probs_dropout_prob=0.0,
            **common,
        )
    if small.architecture == "modernbert":
        return ModernBertConfig(
            intermediate_size=small.hidden_size * 2,
            global_attn_every_n_layers=2,
            classifier_pooling="mean",
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            **common,
        )
    raise ModelError(f"a {small.architecture} model from scratch is not an encoder; use electra")
