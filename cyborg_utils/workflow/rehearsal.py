"""A dress rehearsal: a study with models of the real shapes and random weights, saved locally.

`cyborg rehearse persuade` shows that a machine carries a study through every notebook, and how long
it takes, before a gated model is downloaded. Its scores mean nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import yaml
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    PretrainedConfig,
    set_seed,
)

from cyborg_utils.corpus.loaders import load_corpus
from cyborg_utils.models.loading import SPECIAL, device, train_tokenizer
from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import shown_path, working_folder
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.workflow.runner import check_data

SHAPES = yaml.safe_load((Path(__file__).parent / "shapes.yaml").read_text(encoding="utf-8"))
TINY = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3}


TINY |= {"num_attention_heads": 2, "num_key_value_heads": 1, "embedding_size": 32}


CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>\n\n{{ m.content }}[SEP]{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n\n{% endif %}"
)


def config_of(hub: str, tiny: bool = False) -> PretrainedConfig:
    """The configuration of a model on the hub, or one of its kind with a few thousand weights."""
    if hub not in SHAPES:
        raise ParameterError(f"no shape of {hub} in shapes.yaml; it has {', '.join(SHAPES)}")
    values = dict(SHAPES[hub]["config"])
    if tiny:
        values |= {key: value for key, value in TINY.items() if key in values}
        values["vocab_size"] = 2048
    token = list(SPECIAL)  # train_tokenizer gives them the first ids, in this order
    values |= {f"{name}_id": token.index(name) for name in ("pad_token", "cls_token", "sep_token")}
    values |= {"bos_token_id": values["cls_token_id"], "eos_token_id": values["sep_token_id"]}
    return AutoConfig.for_model(**values)


def save_random_model(hub: str, folder: Path, texts: list[str], tiny: bool = False) -> None:
    """Save a model of a hub model's shape with random weights, and a tokenizer made from texts.

    The tokenizer's vocabulary is smaller than the model's, so that essays are about as many
    tokens long as with the real one.
    """
    config = config_of(hub, tiny)
    tokenizer = train_tokenizer(texts, min(8192, config.vocab_size))
    if SHAPES[hub].get("chat"):
        tokenizer.chat_template = CHAT
    set_seed(1)
    causal = config.model_type == "llama"
    auto = AutoModelForCausalLM if causal else AutoModel  # an encoder comes without a scoring head
    with torch.device(device()):
        model = auto.from_config(config, dtype=torch.bfloat16 if causal else torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_rehearsal(name: str, settings: Sequence[str] = (), tiny: bool = False) -> Path:
    """Write the study of a rehearsal, with the models that it needs.

    Parameters
    ----------
    name, settings : of the study that is rehearsed, as for `load_study`.
    tiny : whether the models have a few thousand weights instead of their own numbers.

    Raises
    ------
    ParameterError
        The study cannot be read, a file of its corpus is missing, or a model is not in shapes.yaml.
    """
    study = load_study(name, settings)
    check_data(study)
    return rehearsal_of(study, tiny)


def rehearsal_of(study: Study, tiny: bool = False) -> Path:
    """Write the study of a rehearsal: one U, one draw, one seed, every hub model a local one."""
    place = working_folder() / "runs" / "rehearsals"
    values = study.model_dump(exclude={"name", "settings"}, exclude_unset=True)
    texts = None
    for item in values["teachers"] + values["students"]:
        hub = item.get("model", {}).get("hub")
        if hub is None:
            continue
        folder = place / f"{hub.replace('/', '--')}{'-tiny' * tiny}"
        if not (folder / "tokenizer.json").exists():
            texts = texts or load_corpus(study)["text"].tolist()
            print(f"random weights in the shape of {hub}{' (tiny)' * tiny}", file=sys.stderr)
            save_random_model(hub, folder, texts, tiny)
        item["model"] = {"folder": shown_path(folder)}
        item["gpu_memory"] = 0.0 if tiny else item.get("gpu_memory", 0.0)
    values["sampling"] = {"fractions": [study.primary_fraction], "draws": [1], "seeds": [1]}
    values["title"] = f"Dress rehearsal of {study.title}"
    values["about"] = (
        "**Every model has random weights, and no score here means anything.** It shows that this "
        "machine carries the study through."
    )
    path = place / f"{study.name}-rehearsal.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path
