# The graph of a study: a rule for each row of the table of stages (cyborg_utils/study/stages.py).
# `make reports STUDY=name` runs it; every stage is one Papermill run of one notebook.
import json
import shlex
import sys

from cyborg_utils.study.config import COMMAND, load_study
from cyborg_utils.study.folders import working_folder
from cyborg_utils.study.stages import BY_NAME, STAGES

study = load_study(**config)
FOLDER = str(study.folder.relative_to(working_folder()))
PAGES = f"reports/{study.name}"
RUNS = {stage.notebook: stage.keys_of(study) for stage in STAGES}
HERE = [stage for stage in STAGES if RUNS[stage.notebook] and stage.message]

# Study and settings are in a file, as JSON, and not in `params:`, so that a setting reruns only the
# stages whose hash it changes.
CALL = shlex.quote(sys.executable).replace("{", "{{").replace("}", "}}") + " -m cyborg_utils"
VALUES = f" {FOLDER}/{COMMAND} {{params.values}}"
RUN = CALL + " run-stage {params.notebook} {log} {output.report}" + VALUES
LABEL = CALL + " label-part" + VALUES


def below(paths):
    return [f"{FOLDER}/{path}" for path in paths]


def inputs_of(stage):
    if stage.notebook == "01_corpus":  # it alone reads what no stage makes
        return stage.inputs(study, {})
    return lambda w: below(stage.inputs(study, dict(w.items())))


def outputs_of(stage):
    return [p if "." in p else directory(p) for p in below(stage.patterns(study))]


def values_of(stage, *more):
    def values(wildcards):
        numbers = {key: int(wildcards[key]) for key in more}
        return shlex.quote(json.dumps(stage.parameters(study, dict(wildcards.items())) | numbers))

    return values


def hash_of(stage):
    return lambda w: stage.hash(study, {k: w[k] for k in stage.keys})


def specs_of(stage, wildcards):
    return stage.specs(study, dict(wildcards.items()))


def threads_of(stage):
    return lambda w: max((getattr(s, "threads", 1) for s in specs_of(stage, w)), default=1)


def gpu_memory_of(stage, wildcards):
    return max((getattr(s, "gpu_memory", 0) for s in specs_of(stage, wildcards)), default=0)


def gpu_of(stage):
    """A model that needs a GPU's memory has the GPU for itself; others share what there is."""
    return lambda w: int(gpu_memory_of(stage, w) > 0)


def memory_of(stage):
    """Main memory that a cluster is asked for, in MB: 8.3 GB is the most that a model of these
    studies took on a CPU; weights on their way to a GPU take no more than they will there."""
    return lambda w: 12_000 + int(1000 * gpu_memory_of(stage, w))


def resources_of(stage):
    return {"gpu": gpu_of(stage), "mem_mb": memory_of(stage)} if stage.scorer else {}


def wild(stage):
    return {key: f"{{{key}}}" for key in stage.keys}


wildcard_constraints:
    teacher="[a-z0-9_]+",
    student="[a-z0-9_]+",
    subset="f[0-9.e-]+-d[0-9]+(-no[0-9]+)?",
    condition="[a-z0-9_.-]+",
    seed="[0-9]+",
    part="[0-9]+",


for stage in HERE:

    rule:
        name:
            stage.rule
        input:
            inputs_of(stage),
            [
                f"{FOLDER}/labels/{{teacher}}/{{subset}}/part-{part}.done"
                for part in range(study.labeling.jobs if study.labeling.jobs > 1 else 0)
                if stage.rule == "labeling"
            ],
        output:
            *outputs_of(stage),
            report=f"{PAGES}/{stage.page(wild(stage))}.html",
        log:
            f"{FOLDER}/notebooks/{stage.executed(wild(stage))}.ipynb",
        params:
            notebook=stage.notebook,
            values=values_of(stage),
            code=hash_of(stage),
        threads: threads_of(stage)
        resources:
            **resources_of(stage),
        priority: stage.priority
        message:
            stage.message.replace("{", "{wildcards.")
        shell:
            RUN


rule labeling_part:
    input:
        lambda w: below(BY_NAME["03_labeling"].inputs(study, {k: w[k] for k in ("teacher", "subset")})),
    output:
        temp(touch(f"{FOLDER}/labels/{{teacher}}/{{subset}}/part-{{part}}.done")),
    log:
        f"{FOLDER}/notebooks/03_labeling--{{teacher}}--{{subset}}--{{part}}.log",
    params:
        values=values_of(BY_NAME["03_labeling"], "part"),
        code=hash_of(BY_NAME["03_labeling"]),
    threads: threads_of(BY_NAME["03_labeling"])
    resources:
        **resources_of(BY_NAME["03_labeling"]),
    priority: BY_NAME["03_labeling"].priority
    message:
        "03 labels of Teacher {wildcards.teacher} ({wildcards.subset}), part {wildcards.part}"
    shell:
        LABEL + " > {log}"


# Every file is asked for: one in the middle that is missing would else be left so where all that
# was made from it is there.
rule all:
    default_target: True
    input:
        [below(stage.files(study, key)) for stage in HERE for key in RUNS[stage.notebook]],
        [f"{PAGES}/{stage.page(key)}.html" for stage in HERE for key in RUNS[stage.notebook]],
