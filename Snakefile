# The graph of a study: which notebook, with which parameters, makes which file.
# `make reports STUDY=name` runs it; every stage is one Papermill run of one notebook.
import shlex
import sys

from cyborg_utils.study.code_hash import SHOWS, TEACHES, code_hash
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import base_settings, conditions, keeps_model, seeds, subset_slug, subsets
from cyborg_utils.study.schema.base import ROOT
from cyborg_utils.study.schema.corpora import corpus_files
from cyborg_utils.study.storage import base_folder, labels_folder

STUDY = config.get("study", "demo")
SETTINGS = list(config.get("settings", []))
study = load_study(STUDY, SETTINGS)

CONDITIONS = {c.slug: c for c in conditions(study)}
SUBSETS = {subset_slug(*subset): subset for subset in subsets(study)}
THREADS = {item.name: getattr(item, "threads", 1) for item in study.teachers + study.students}
# A model that needs a GPU's memory has the GPU for itself; others share what there is.
GPU = {i.name: int(getattr(i, "gpu_memory", 0) > 0) for i in study.teachers + study.students}
# Main memory that a cluster is asked for. 8.3 GB is the most that a model of these studies took on
# a CPU; weights on their way to a GPU take no more than they will there.
MEMORY = {
    i.name: 12_000 + int(1000 * getattr(i, "gpu_memory", 0)) for i in study.teachers + study.students
}
JOBS = range(study.labeling.jobs if study.labeling.jobs > 1 else 0)


def here(path):
    return str(path.relative_to(ROOT))


# Study and settings stand outside `params:`, so that a setting reruns only the stages whose code
# hash it changes.
PYTHON = shlex.quote(sys.executable)
GIVEN = " ".join(shlex.quote(v) for v in (f"study={STUDY}", f"settings={SETTINGS}"))
GIVEN = GIVEN.replace("{", "{{").replace("}", "}}")
RUN = (
    PYTHON
    + " -m cyborg_utils.reporting.notebooks {params.notebook} {log} {output.report} "
    + GIVEN
    + " {params.values}"
)


def values(**parameters):
    return " ".join(f"{key}={'null' if v is None else v}" for key, v in parameters.items())


def base_of(wildcards):
    base = base_folder(study, study.teacher(wildcards.teacher))
    return here(base) if base else []


def ledger_of(wildcards):
    c = CONDITIONS[wildcards.condition]
    if c.arm != "cyborg":
        return []
    folder = here(labels_folder(study, c.teacher, c.fraction, c.draw, c.left_out))
    return [f"{folder}/labels.parquet", f"{folder}/predictions.parquet"]


def subset_values(wildcards):
    fraction, draw, left_out = SUBSETS[wildcards.subset]
    return values(teacher=wildcards.teacher, fraction=fraction, draw=draw, left_out=left_out)


def student_values(wildcards):
    c = CONDITIONS[wildcards.condition]
    return values(
        student=wildcards.student, arm=c.arm, teacher=c.teacher, fraction=c.fraction, draw=c.draw,
        seed=wildcards.seed, use=c.use, left_out=c.left_out,
    )


def student_settings(wildcards):
    """What a Student's run depends on beside its files: its own settings, its labels' use, the
    groups that it is held to, and whether it is kept."""
    spec, name = study.student(wildcards.student), CONDITIONS[wildcards.condition].use
    held = study.evaluation.groups if getattr(spec, "group_penalty", 0) else None
    kept = keeps_model(study, CONDITIONS[wildcards.condition])
    return spec, name and study.label_use(name), study.transfer, held, kept


def results_of_student(wildcards):
    return [path for (name, _, _), path in RESULTS.items() if name == wildcards.student]


STUDENT_RUNS = [
    (s.name, c, seed) for s in study.students for c in CONDITIONS for seed in seeds(study, s.name)
]
TEACHER_RUNS = [(t.name, u) for t in study.teachers for u in SUBSETS]
TAUGHT = list(dict.fromkeys(t for t, _ in TEACHER_RUNS))
JUDGED = study.evaluation.judged  # without a test part nothing is judged, and one page says so
AUDITED = TAUGHT if JUDGED else []
CALIBRATED = [s.name for s in study.students] if JUDGED else []
FOLDER = here(study.folder)
RESULTS = {run: "{}/students/{}/{}/s{}/student.json".format(FOLDER, *run) for run in STUDENT_RUNS}
PAGES = f"reports/{study.name}"
CORPORA = [study.corpus, *(load_study(name).corpus for name in study.transfer)]
FILES = [name for c in CORPORA for names in corpus_files(c).values() for name in names]
DECLARED = [study.evaluation, study.sampling, study.arms]


wildcard_constraints:
    teacher="[a-z0-9_]+",
    student="[a-z0-9_]+",
    subset="f[0-9.e-]+-d[0-9]+(-no[0-9]+)?",
    condition="[a-z0-9_.-]+",
    seed="[0-9]+",
    part="[0-9]+",
    page="05[d-h]_[a-z_]+",


rule lesson:
    output:
        report=f"{PAGES}/00_concepts.html",
    log:
        f"{FOLDER}/notebooks/00_concepts.ipynb",
    params:
        notebook="00_concepts",
        code=code_hash("00_concepts", subpackages=TEACHES),
    message:
        "00 concepts"
    shell:
        PYTHON + " -m cyborg_utils.reporting.notebooks {params.notebook} {log} {output.report} seed=1"


rule corpus:
    input:
        FILES,
    output:
        corpus=f"{FOLDER}/corpus.parquet",
        elsewhere=[f"{FOLDER}/elsewhere/{name}.parquet" for name in study.transfer],
        result=f"{FOLDER}/corpus.json",
        report=f"{PAGES}/01_corpus.html",
    log:
        f"{FOLDER}/notebooks/01_corpus.ipynb",
    params:
        notebook="01_corpus",
        values="",
        code=code_hash(
            "01_corpus", CORPORA, study.sampling.leave_out, study.evaluation.privacy, JUDGED
        ),
    message:
        "01 corpus"
    shell:
        RUN


rule pretraining:
    input:
        f"{FOLDER}/corpus.parquet",
    output:
        model=directory(f"{FOLDER}/base/{{teacher}}"),
        report=f"{PAGES}/01b_teacher_pretraining--{{teacher}}.html",
    log:
        f"{FOLDER}/notebooks/01b_teacher_pretraining--{{teacher}}.ipynb",
    params:
        notebook="01b_teacher_pretraining",
        values=lambda w: values(teacher=w.teacher),
        code=lambda w: code_hash("01b_teacher_pretraining", base_settings(study, w.teacher)),
    threads: lambda w: THREADS[w.teacher]
    resources:
        gpu=lambda w: GPU[w.teacher],
        mem_mb=lambda w: MEMORY[w.teacher],
    priority: 30
    message:
        "01b pretraining of the small Teacher {wildcards.teacher}"
    shell:
        RUN


rule teacher:
    input:
        f"{FOLDER}/corpus.parquet",
        base_of,
    output:
        model=directory(f"{FOLDER}/teachers/{{teacher}}/{{subset}}"),
        report=f"{PAGES}/02_teacher_training--{{teacher}}--{{subset}}.html",
    log:
        f"{FOLDER}/notebooks/02_teacher_training--{{teacher}}--{{subset}}.ipynb",
    params:
        notebook="02_teacher_training",
        values=subset_values,
        code=lambda w: code_hash("02_teacher_training", study.teacher(w.teacher)),
    threads: lambda w: THREADS[w.teacher]
    resources:
        gpu=lambda w: GPU[w.teacher],
        mem_mb=lambda w: MEMORY[w.teacher],
    priority: 20
    message:
        "02 Teacher {wildcards.teacher} on U ({wildcards.subset})"
    shell:
        RUN


rule labeling_part:
    input:
        f"{FOLDER}/corpus.parquet",
        f"{FOLDER}/teachers/{{teacher}}/{{subset}}",
        base_of,
    output:
        temp(touch(f"{FOLDER}/labels/{{teacher}}/{{subset}}/part-{{part}}.done")),
    log:
        f"{FOLDER}/notebooks/03_labeling--{{teacher}}--{{subset}}--{{part}}.log",
    params:
        values=subset_values,
    threads: lambda w: THREADS[w.teacher]
    resources:
        gpu=lambda w: GPU[w.teacher],
        mem_mb=lambda w: MEMORY[w.teacher],
    priority: 10
    message:
        "03 labels of Teacher {wildcards.teacher} ({wildcards.subset}), part {wildcards.part}"
    shell:
        PYTHON + " -m cyborg_utils.labeling.sharding " + GIVEN + " {params.values} part={wildcards.part} > {log}"


rule labeling:
    input:
        f"{FOLDER}/corpus.parquet",
        f"{FOLDER}/teachers/{{teacher}}/{{subset}}",
        base_of,
        [f"{FOLDER}/labels/{{teacher}}/{{subset}}/part-{n}.done" for n in JOBS],
    output:
        labels=f"{FOLDER}/labels/{{teacher}}/{{subset}}/labels.parquet",
        predictions=f"{FOLDER}/labels/{{teacher}}/{{subset}}/predictions.parquet",
        result=f"{FOLDER}/labels/{{teacher}}/{{subset}}/labeling.json",
        report=f"{PAGES}/03_labeling--{{teacher}}--{{subset}}.html",
    log:
        f"{FOLDER}/notebooks/03_labeling--{{teacher}}--{{subset}}.ipynb",
    params:
        notebook="03_labeling",
        values=subset_values,
        code=lambda w: code_hash("03_labeling", study.corpus.label_unscored),
    threads: lambda w: THREADS[w.teacher]
    resources:
        gpu=lambda w: GPU[w.teacher],
        mem_mb=lambda w: MEMORY[w.teacher],
    priority: 10
    message:
        "03 labels of Teacher {wildcards.teacher} ({wildcards.subset})"
    shell:
        RUN


rule student:
    input:
        f"{FOLDER}/corpus.parquet",
        [f"{FOLDER}/elsewhere/{name}.parquet" for name in study.transfer],
        ledger_of,
    output:
        predictions=f"{FOLDER}/students/{{student}}/{{condition}}/s{{seed}}/predictions.parquet",
        result=f"{FOLDER}/students/{{student}}/{{condition}}/s{{seed}}/student.json",
        report=f"{PAGES}/04_student_training--{{student}}--{{condition}}--s{{seed}}.html",
    log:
        f"{FOLDER}/notebooks/04_student_training--{{student}}--{{condition}}--s{{seed}}.ipynb",
    params:
        notebook="04_student_training",
        values=student_values,
        code=lambda w: code_hash("04_student_training", *student_settings(w)),
    threads: lambda w: THREADS[w.student]
    resources:
        gpu=lambda w: GPU[w.student],
        mem_mb=lambda w: MEMORY[w.student],
    message:
        "04 Student {wildcards.student} on {wildcards.condition}, seed {wildcards.seed}"
    shell:
        RUN


rule fairness:
    input:
        f"{FOLDER}/corpus.parquet",
        results_of_student,
        [f"{FOLDER}/labels/{t}/{u}/labeling.json" for t, u in TEACHER_RUNS],
    output:
        result=f"{FOLDER}/fairness/{{student}}.json",
        report=f"{PAGES}/05_fairness_analysis--{{student}}.html",
    log:
        f"{FOLDER}/notebooks/05_fairness_analysis--{{student}}.ipynb",
    params:
        notebook="05_fairness_analysis",
        values=lambda w: values(student=w.student),
        code=code_hash("05_fairness_analysis", *DECLARED, subpackages=SHOWS),
    message:
        "05 fairness of {wildcards.student}"
    shell:
        RUN


rule calibration:
    input:
        f"{FOLDER}/corpus.parquet",
        results_of_student,
    output:
        result=f"{FOLDER}/calibration/{{student}}.json",
        report=f"{PAGES}/05b_calibration--{{student}}.html",
    log:
        f"{FOLDER}/notebooks/05b_calibration--{{student}}.ipynb",
    params:
        notebook="05b_calibration",
        values=lambda w: values(student=w.student),
        code=code_hash("05b_calibration", *DECLARED, subpackages=SHOWS),
    message:
        "05b calibration of {wildcards.student}"
    shell:
        RUN


rule audit:
    input:
        f"{FOLDER}/corpus.parquet",
        lambda w: [f"{FOLDER}/labels/{t}/{u}/labeling.json" for t, u in TEACHER_RUNS if t == w.teacher],
        RESULTS.values(),
    output:
        result=f"{FOLDER}/audits/{{teacher}}.json",
        report=f"{PAGES}/05c_teacher_audit--{{teacher}}.html",
    log:
        f"{FOLDER}/notebooks/05c_teacher_audit--{{teacher}}.ipynb",
    params:
        notebook="05c_teacher_audit",
        values=lambda w: values(teacher=w.teacher),
        code=code_hash("05c_teacher_audit", *DECLARED, subpackages=SHOWS),
    message:
        "05c audit of Teacher {wildcards.teacher}"
    shell:
        RUN


rule analysis:
    input:
        f"{FOLDER}/corpus.parquet",
        [f"{FOLDER}/calibration/{s.name}.json" for s in study.students],
        [f"{FOLDER}/labels/{t}/{u}/labeling.json" for t, u in TEACHER_RUNS],
        RESULTS.values(),
    output:
        result=f"{FOLDER}/analyses/{{page}}.json",
        report=f"{PAGES}/{{page}}.html",
    log:
        f"{FOLDER}/notebooks/{{page}}.ipynb",
    params:
        notebook=lambda w: w.page,
        values="",
        code=lambda w: code_hash(w.page, *DECLARED, study.label_uses, subpackages=SHOWS),
    message:
        "{wildcards.page}"
    shell:
        RUN


rule summary:
    input:
        f"{FOLDER}/corpus.parquet",
        f"{FOLDER}/corpus.json",
        [f"{FOLDER}/fairness/{name}.json" for name in study.reported],
        [f"{FOLDER}/calibration/{name}.json" for name in CALIBRATED],
        [f"{FOLDER}/audits/{t}.json" for t in AUDITED],
        [f"{FOLDER}/analyses/{page}.json" for page in study.analyses],
        [f"{FOLDER}/labels/{t}/{u}/labeling.json" for t, u in TEACHER_RUNS],
        RESULTS.values(),
    output:
        result=f"{FOLDER}/summary.json",
        report=f"{PAGES}/index.html",
    log:
        f"{FOLDER}/notebooks/{study.last_page}.ipynb",
    params:
        notebook=study.last_page,
        values="",
        code=code_hash(study.last_page, *DECLARED, study.title, study.about, subpackages=SHOWS),
    message:
        "06 summary" if JUDGED else "06b what can be said without a test part"
    shell:
        RUN


# Every file is asked for: one in the middle that is missing would else be left so where all that
# was made from it is there.
rule all:
    default_target: True
    input:
        rules.lesson.output if study.lesson else [],
        rules.corpus.output,
        [expand(rules.pretraining.output, teacher=t) for t in TAUGHT if base_folder(study, study.teacher(t))],
        [expand(rules.teacher.output, teacher=t, subset=u) for t, u in TEACHER_RUNS],
        [expand(rules.labeling.output, teacher=t, subset=u) for t, u in TEACHER_RUNS],
        [expand(rules.student.output, student=s, condition=c, seed=n) for s, c, n in STUDENT_RUNS],
        [expand(rules.fairness.output, student=name) for name in study.reported],
        [expand(rules.calibration.output, student=name) for name in CALIBRATED],
        [expand(rules.audit.output, teacher=t) for t in AUDITED],
        [expand(rules.analysis.output, page=page) for page in study.analyses],
        rules.summary.output,
