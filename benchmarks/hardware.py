"""Shared parts of the model benchmarks: essays, models, time, memory, operations, results page."""

import argparse
import ctypes
import gc
import os
import platform
from pathlib import Path
from time import perf_counter

import pandas as pd
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from transformers import AutoModelForCausalLM

from cyborg_utils.corpus.simulation.generator import simulate_corpus
from cyborg_utils.models.loading import device
from cyborg_utils.study.config import load_study
from cyborg_utils.study.schema.models import Model
from cyborg_utils.workflow.rehearsal import config_of, save_random_model

README = Path(__file__).with_name("README.md")
# Operations per matrix weight and token: forward 2, gradients of activations 2, of weights 2. LoRA
# omits the last; recomputed activations are a second forward pass.
OPERATIONS = {"forward": 2, "lora": 4, "lora recomputed": 6, "full": 6}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
FORMATS = {"essays/s": "{:,.2f}", "tokens/s": "{:,.0f}", "TFLOP/s": "{:,.3f}", "MFU": "{:.1%}",
           "padded": "{:.0%}", "peak GB": "{:.2f}", "speedup": "{:.2f}"}  # fmt: skip


def options_of(description, arguments, **extra):
    """Read the options that all model benchmarks have, and those of `extra`.

    Parameters
    ----------
    description : str
    arguments : list of str or None
        None for those of the command line.
    **extra : dict
        Option names and the keywords of their `add_argument`.

    Returns
    -------
    argparse.Namespace
    """
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--essays", type=Path, help="CSV with full_text; else simulated essays")
    parser.add_argument("--n", type=int, help="number of essays")
    parser.add_argument("--tiny", action="store_true", help="a tiny model (CPU default)")
    parser.add_argument("--folder", type=Path, help="save the random models here")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    parser.add_argument("--readme", type=Path, default=README, help="the page")
    for name, keywords in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **keywords)
    return parser.parse_args(arguments)


def kind():
    """`gpu` where there is a CUDA device, else `cpu`."""
    return "gpu" if torch.cuda.is_available() else "cpu"


def precision():
    """`bf16` on a GPU, `fp32` on a CPU."""
    return "bf16" if torch.cuda.is_available() else "fp32"


def device_name():
    """The device in words: the GPU, or the CPU with its threads and load average."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    n, load = torch.get_num_threads(), os.getloadavg()[0]
    return f"{name}, {n} thread{'s' * (n > 1)} of {os.cpu_count()} (load average {load:.1f})"


def synchronize():
    """Wait until the GPU, if any, has finished all its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def reset_peak():
    """Reset the peak memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif os.access("/proc/self/clear_refs", os.W_OK):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim:  # glibc keeps freed memory
            trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory():
    """Peak memory since `reset_peak` in GB: tensors on a GPU, the process on Linux.

    Returns
    -------
    float or None
        None where the system does not report it.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    if not os.access("/proc/self/clear_refs", os.W_OK):
        return None
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmHWM"))


def measure(methods, repeats):
    """Run each method once to warm up, then time them in turns and keep the best time of each.

    In turns, because the load of the machine varies.

    Parameters
    ----------
    methods : dict of str to callable
    repeats : int

    Returns
    -------
    dict of str to (float, float or None, object)
        Seconds, peak memory in GB, and the result of the last run.
    """
    for run in methods.values():
        run()
    times, peaks = ({method: [] for method in methods} for _ in range(2))
    measured = {}
    for _ in range(repeats):
        for method, run in methods.items():
            reset_peak()
            synchronize()
            start = perf_counter()
            result = run()
            synchronize()
            times[method].append(perf_counter() - start)
            peaks[method].append(peak_memory())
            measured[method] = min(times[method]), max(peaks[method], key=lambda p: p or 0), result
    return measured


def matmul_ceiling(dtype=None, size=None, repeats=20):
    """The best rate of a large square matrix product on this device, in TFLOP/s.

    Parameters
    ----------
    dtype : str or None
        `fp32` or `bf16`; None for this device's `precision`.
    size : int or None
        Rows of the matrix; None for 8,192 on a GPU and 2,048 on a CPU.
    repeats : int

    Returns
    -------
    float
    """
    size = size or (8192 if torch.cuda.is_available() else 2048)
    a = torch.randn(size, size, device=device(), dtype=DTYPES[dtype or precision()])
    seconds, _, _ = measure({"product": lambda: a @ a}, repeats)["product"]
    return 2 * size**3 / seconds / 1e12


class Steps:
    """Record the time and the processed token positions after each optimizer step.

    The training code is not changed. `marks` has a pair (seconds, positions) per step; `positions`
    is a running count, padding included.
    """

    def __init__(self, model):
        self.model, self.positions, self.marks = model, 0, []

    def _forward(self, model, args, inputs):
        self.positions += inputs["input_ids"].numel()

    def _stepped(self, optimizer, args, kwargs):
        synchronize()
        self.marks.append((perf_counter(), self.positions))

    def __enter__(self):
        self.hooks = [
            self.model.register_forward_pre_hook(self._forward, with_kwargs=True),
            register_optimizer_step_post_hook(self._stepped),
        ]
        return self

    def __exit__(self, *_):
        for hook in self.hooks:
            hook.remove()

    def second_half(self):
        """Seconds and positions of the second half of the steps; the first half warms up."""
        (start, before), (end, after) = self.marks[len(self.marks) // 2 - 1], self.marks[-1]
        return end - start, after - before


def read_essays(path, n):
    """Essays of a file in a fixed random order, or simulated ones.

    Parameters
    ----------
    path : Path or None
        CSV, compressed or not, with a column `full_text`; None for simulated essays.
    n : int

    Returns
    -------
    (list of str, list of str, str)
        `n` essays, up to 2,000 essays to train a tokenizer on, and a description.
    """
    if path is None:
        texts, description = simulate_corpus(max(n, 300), seed=1)["text"], "simulated essays"
    else:
        texts, description = pd.read_csv(path)["full_text"].drop_duplicates(), "real essays"
        texts = texts.sample(frac=1, random_state=1)
    if len(texts) < n:
        raise SystemExit(f"the file has {len(texts)} essays, fewer than {n}")
    return texts[:n].tolist(), texts[:2000].tolist(), description


def random_model(hub, texts, place, tiny):
    """A hub model's architecture with random weights; a tiny Llama keeps its vocabulary.

    Parameters
    ----------
    hub : str
        An id of `cyborg_utils/workflow/shapes.yaml`.
    texts : list of str
        What the tokenizer is trained on.
    place : str or Path
        The folder of the models.
    tiny : bool

    Returns
    -------
    (Path, str)
        The model's folder, and a description of the model.
    """
    folder = Path(place).resolve() / f"{hub.replace('/', '--')}{'-tiny' * tiny}"
    words = config_of(hub).vocab_size if config_of(hub).model_type == "llama" else None
    if not (folder / "tokenizer.json").exists():
        save_random_model(hub, folder, texts, tiny)
        if tiny and words:
            model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
            model.resize_token_embeddings(words, mean_resizing=False)
            model.save_pretrained(folder)
    description = (
        f"{'A tiny model of the type' if tiny else 'The architecture'} of {hub}, random weights"
    )
    return folder, description + (f", a vocabulary of {words:,} words" if words else "")


def scorer(name, folder, **changes):
    """A scorer of `params/persuade.yaml` with another model, and this device's threads.

    Parameters
    ----------
    name : str
    folder : Path
    **changes
        Other values of its specification; None changes nothing.

    Returns
    -------
    cyborg_utils.study.schema.models.Training
    """
    study = load_study("persuade")
    spec = next(s for s in [*study.teachers, *study.students] if s.name == name)
    update = {"threads": torch.get_num_threads(), "precision": precision(), "gpu_memory": 0}
    update |= {name: value for name, value in changes.items() if value is not None}
    return spec.model_copy(update={"model": Model(folder=str(folder)), **update})


def matrix_parameters(model):
    """Weights of the layers' matrices, without embeddings, output vocabulary, head and LoRA.

    Parameters
    ----------
    model : transformers.PreTrainedModel

    Returns
    -------
    int
    """
    return sum(
        module.weight.numel()
        for name, module in model.base_model.named_modules()
        if isinstance(module, torch.nn.Linear) and "layer" in name and "lora_" not in name
    )


def operations(model, tokens, how):
    """Floating-point operations of a pass over tokens without padding.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    tokens : int
    how : str
        A key of `OPERATIONS`.

    Returns
    -------
    int
    """
    return OPERATIONS[how] * matrix_parameters(model) * tokens


def figures(essays, tokens, seconds, work, peak):
    """One row's figures: rates per second and peak memory.

    Parameters
    ----------
    essays, tokens : int
    seconds : float
    work : int
        Floating-point operations.
    peak : float or None
        GB.

    Returns
    -------
    dict of str to float
    """
    rates = {"essays/s": essays / seconds, "tokens/s": tokens / seconds}
    return rates | {"TFLOP/s": work / seconds / 1e12, "peak GB": peak}


def table(rows):
    """A table in Markdown.

    Parameters
    ----------
    rows : list of dict
        Texts, and figures under the names of `FORMATS`.

    Returns
    -------
    str
    """
    lines = ["| " + " | ".join(rows[0]) + " |"]
    lines += ["|" + "|".join("---:" if name in FORMATS else "---" for name in rows[0]) + "|"]
    for row in rows:
        cells = ["-" if v is None else FORMATS.get(k, "{}").format(v) for k, v in row.items()]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(name, options, heading, rows, ceilings):
    """Print a table with its heading, and write it into the page if `--write` is set.

    Parameters
    ----------
    name : str
        The benchmark; it has one section in the page per type of device.
    options : argparse.Namespace
    heading : str
    rows : list of dict
        Each gets `MFU`, its proportion of the highest ceiling.
    ceilings : list of float
        TFLOP/s, measured before and after the benchmark.
    """
    for row in rows:
        row["MFU"] = row["TFLOP/s"] / max(ceilings)
    text = (
        f"**{device_name()}, {precision()}.** {heading} A large matrix product reaches "
        f"{max(ceilings):.3g} TFLOP/s, the reference of MFU.\n\n{table(rows)}"
    )
    print(text)
    if options.write:
        write_section(f"{name}-{kind()}", text, options.readme)


def write_section(name, text, path):
    """Replace one section of a page and keep the others.

    Parameters
    ----------
    name : str
    text : str
    path : Path
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text(encoding="utf-8")
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"{path.name} has no section {name}")
    before, after = page.split(begin)[0], page.split(end)[1]
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
