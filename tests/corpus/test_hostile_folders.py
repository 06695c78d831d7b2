"""Broken study files, and hostile folders of models and Students."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hostile_inputs import (
    SMALL,
    check,
    edit,
    model,
    student,
    yaml,
)

from cyborg_utils.models.loading import load_tokenizer
from cyborg_utils.models.scorer import ModelError
from cyborg_utils.study.schema.models import Model

TABLE = [  # driver, name, input, answer
    (
        yaml,
        "a Python object",
        "title: !!python/object/apply:os.system ['echo pwned']\n",
        (
            "mine.yaml: not readable as YAML: could not determine a constructor for the "
            "tag 'tag:yaml.org,2002:python/object/apply:os.system' in \"<unicode string>\", "
            "line 1, column 8: title: !!python/object/apply:os.system ... ^"
        ),
    ),
    (
        yaml,
        "anchors that multiply",
        "title: T\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)),
        (
            "mine.yaml: not readable as YAML: it holds more than 20,000 values, through "
            "anchors or nesting; write them out"
        ),
    ),
    (
        yaml,
        "an anchor in itself",
        "title: &a [*a]\n",
        (
            "mine.yaml: not readable as YAML: it holds more than 20,000 values, through "
            "anchors or nesting; write them out"
        ),
    ),
    (
        yaml,
        "deep nesting",
        "title: " + "[" * 5000,
        (
            "mine.yaml: not readable as YAML: it holds more than 20,000 values, through "
            "anchors or nesting; write them out"
        ),
    ),
    (
        yaml,
        "a key twice",
        "title: T\ntitle: U\n",
        (
            "mine.yaml: not readable as YAML: the key 'title' is there twice in \"<unicode "
            'string>", line 2, column 1: title: U ^'
        ),
    ),
    (
        yaml,
        "tabs",
        "title: T\ncorpus:\n\tkind: simulated\n",
        (
            "mine.yaml: not readable as YAML: while scanning for the next token found "
            "character '\\t' that cannot start any token in \"<unicode string>\", line 3, "
            "column 1: kind: simulated ^"
        ),
    ),
    (
        yaml,
        "an unknown key",
        "titel: T\n",
        (
            "mine.yaml: title: is required and missing\nmine.yaml: corpus: is required and "
            "missing\nmine.yaml: titel: unknown key; did you mean `title`?"
        ),
    ),
    (
        yaml,
        "a name that is a path",
        "name: ../../x\ntitle: T\n",
        "mine.yaml: name: unknown key; a study is named by its file",
    ),
    (yaml, "a key that is a number", SMALL + "1: 2\n", "mine.yaml: 1: 1: keys should be strings"),
    (
        yaml,
        "a number without end",
        "title: " + "9" * 5000 + "\n",
        (
            "mine.yaml: not readable as YAML: Exceeds the limit (4300 digits) for integer "
            "string conversion: value has 5000 digits; use sys.set_int_max_str_digits() to "
            "increase the limit"
        ),
    ),
    (
        yaml,
        "a day that there is not",
        "title: 2024-13-45\n",
        "mine.yaml: not readable as YAML: month must be in 1..12",
    ),
    (
        yaml,
        "a control character",
        "title: a\x07b\n",
        (
            "mine.yaml: not readable as YAML: unacceptable character #x0007: special "
            'characters are not allowed in "<unicode string>", position 8'
        ),
    ),
    (model, "model: as it was saved", lambda f: None, "loaded"),
    (
        model,
        "model: a pickle alone",
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        (
            "model folder llama: pytorch_model.bin may run code of its maker when it is "
            "loaded: use a folder with safetensors only"
        ),
    ),
    (
        model,
        "model: a pickle next to it",
        lambda f: (f / "optimizer.pt").touch(),
        (
            "model folder llama: optimizer.pt may run code of its maker when it is loaded: "
            "use a folder with safetensors only"
        ),
    ),
    (
        model,
        "model: code next to it",
        lambda f: (f / "modeling_x.py").write_text("print(1)"),
        (
            "model folder llama: modeling_x.py is code of its maker, which is never run "
            "here: use a model without it"
        ),
    ),
    (
        model,
        "model: code asked for",
        edit("config.json", auto_map={"AutoModelForCausalLM": "modeling_x.X"}),
        (
            "model folder llama: config.json asks for code of its maker (auto_map), which "
            "is never run here: use a model of a kind that transformers has itself"
        ),
    ),
    (
        model,
        "model: a tokenizer's code",
        edit("tokenizer_config.json", auto_map={"AutoTokenizer": ["x.X", None]}),
        (
            "model folder llama: tokenizer_config.json asks for code of its maker "
            "(auto_map), which is never run here: use a model of a kind that transformers "
            "has itself"
        ),
    ),
    (
        model,
        "model: of an unknown kind",
        edit("config.json", model_type="nobody_knows"),
        (
            "model llama: cannot be loaded ( ... ); is the folder complete, and are its "
            "weights safetensors?"
        ),
    ),
    (
        model,
        "model: a link out",
        lambda f: (f / "rest.txt").symlink_to("/etc/hostname"),
        (
            "model folder llama: rest.txt is a link to a file outside the folder: put the "
            "file itself there"
        ),
    ),
    (
        model,
        "model: weights of rubbish",
        lambda f: (f / "model.safetensors").write_bytes(b"rubbish" * 9),
        (
            "model llama: cannot be loaded ( ... ); is the folder complete, and are its "
            "weights safetensors?"
        ),
    ),
    (
        model,
        "model: half a tokenizer",
        lambda f: (f / "tokenizer.json").write_text("{"),
        (
            "model llama: cannot be loaded ( ... ); is the folder complete, and are its "
            "weights safetensors?"
        ),
    ),
    (
        model,
        "model: nothing in it",
        lambda f: [p.unlink() for p in f.iterdir()],
        (
            "model folder llama: no config.json in it; name a folder that save_pretrained "
            "wrote, or a hub id"
        ),
    ),
    (
        student,
        "student: a pickle",
        lambda f: (f / "model.PKL").touch(),
        (
            "ridge: model.PKL may run code of its maker when it is loaded: use a folder "
            "with safetensors only"
        ),
    ),
    (
        student,
        "student: a deep pickle",
        lambda f: ((f / "a").mkdir(), (f / "a" / "b.pt").touch()),
        (
            "ridge: a/b.pt may run code of its maker when it is loaded: use a folder with "
            "safetensors only"
        ),
    ),
    (
        student,
        "student: a link out",
        lambda f: (f / "x").symlink_to("/etc"),
        "ridge: x is a link to a file outside the folder: put the file itself there",
    ),
    (
        student,
        "student: an array of objects",
        lambda f: np.savez(f / "classical.npz", idf=np.array([{}], dtype=object)),
        (
            "ridge: not readable as a Student (Object arrays cannot be loaded when "
            "allow_pickle=False): is it complete? 04_student_training writes it again"
        ),
    ),
]


@pytest.mark.parametrize(
    ("driver", "data", "answer"),
    [(driver, data, answer) for driver, _, data, answer in TABLE],
    ids=[name for _, name, _, _ in TABLE],
)
def test_the_answer_to_an_input(driver, data, answer, tmp_path, made):
    check(driver(data, tmp_path, made), answer)


def test_a_snapshot_of_the_hubs_cache_may_link_to_its_own_blobs(made, tmp_path):
    repository = tmp_path / "models--a--b"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / "0123"
    shutil.copytree(made.llama, blobs)
    snapshot.mkdir(parents=True)
    for path in blobs.iterdir():
        (snapshot / path.name).symlink_to(path)
    load_tokenizer(Model(folder=str(snapshot)))
    (snapshot / "more.txt").symlink_to("/etc/hostname")
    with pytest.raises(ModelError, match="more.txt is a link to a file outside the folder"):
        load_tokenizer(Model(folder=str(snapshot)))
