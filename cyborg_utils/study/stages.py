"""The table of stages: one row for each notebook of a study.

Snakemake's rules, the links between reports, messages about missing files, precomputed results, the
Start notebook and the documentation are made from it. A new page is one row and one notebook.
"""

from __future__ import annotations

import re

from cyborg_utils.study import stage_rules as rules
from cyborg_utils.study.code_hash import COMPUTES, TEACHES
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stage_rules import Key
from cyborg_utils.study.stage_type import EVERY, SUMMARY, Stage


def _all_results(study: Study, key: Key) -> list[str]:
    """The results of every stage before the summary."""
    files = [
        f
        for s in STAGES
        for k in s.keys_of(study)
        if s.outputs != SUMMARY
        for f in s.files(study, k)
    ]
    return [f for f in files if f == rules.CORPUS or f.endswith(".json")]


NO_TEST_SET = (
    "no test essay has a human score (evaluation.has_test_set: false); 06b_no_test_set is its page"
)
NOT_CROSS_FITTED = (
    "evaluation.cross_fitting is 0; cyborg new sets it where fewer than 2,000 essays are scored"
)
LABELS = "labels/{teacher}/{subset}"
STUDENT = "students/{student}/{condition}/s{seed}"

STAGES = (
    Stage(
        "00_concepts",
        "What do labels carry, what does QWK penalize, what does an SMD of −0.1 do?",
        minutes=45,
        message="00 concepts",
        runs=rules.once_where(lambda study: study.render_tutorial),
        inputs=rules.nothing,
        settings=rules.nothing,
        subpackages=TEACHES,
    ),
    Stage(
        "01_corpus",
        "Which essays, which scores, which subgroups?",
        minutes=15,
        message="01 corpus",
        outputs=("corpus.parquet", "corpus.json", "external/{external}.parquet"),
        inputs=rules.corpus_sources,
        settings=rules.corpus_settings,
        subpackages=COMPUTES,
    ),
    Stage(
        "01b_teacher_pretraining",
        "What does a small Teacher know before U?",
        minutes=10,
        message="01b pretraining of the small Teacher {teacher}",
        keys=("teacher",),
        runs=rules.pretrained_teachers,
        outputs=("base/{teacher}",),
        inputs=rules.from_corpus,
        settings=rules.pretraining_settings,
        subpackages=COMPUTES,
        scorer="teacher",
        priority=30,
    ),
    Stage(
        "02_teacher_training",
        "What can it learn from a few hand-scored essays?",
        minutes=15,
        message="02 Teacher {teacher} on U ({subset})",
        keys=("teacher", "subset"),
        runs=rules.teacher_runs,
        outputs=("teachers/{teacher}/{subset}",),
        inputs=rules.teacher_inputs,
        parameters=rules.subset_parameters,
        settings=rules.teacher_settings,
        subpackages=COMPUTES,
        scorer="teacher",
        priority=20,
    ),
    Stage(
        "03_labeling",
        "Which scores does it give to the rest?",
        minutes=15,
        message="03 labels of Teacher {teacher} ({subset})",
        keys=("teacher", "subset"),
        runs=rules.teacher_runs,
        outputs=(
            f"{LABELS}/labels.parquet",
            f"{LABELS}/predictions.parquet",
            f"{LABELS}/labeling.json",
        ),
        inputs=rules.labeling_inputs,
        parameters=rules.subset_parameters,
        settings=rules.labeling_settings,
        subpackages=COMPUTES,
        scorer="teacher",
        priority=10,
    ),
    Stage(
        "04_student_training",
        "How well does a small model score after that?",
        minutes=20,
        message="04 Student {student} on {condition}, seed {seed}",
        keys=("student", "condition", "seed"),
        runs=rules.student_runs,
        outputs=(f"{STUDENT}/predictions.parquet", f"{STUDENT}/student.json"),
        inputs=rules.student_inputs,
        parameters=rules.student_parameters,
        settings=rules.student_settings,
        subpackages=COMPUTES,
        scorer="student",
    ),
    Stage(
        "04b_cross_fitting",
        "How are all hand-scored essays used for training and for evaluation?",
        minutes=15,
        message="04b cross-fitting",
        runs=rules.once_where(lambda study: study.evaluation.cross_fitting > 0),
        outputs=("cross_fitting/scores.parquet", "cross_fitting/models.json"),
        inputs=rules.cross_fitting_inputs,
        settings=rules.cross_fitting_settings,
        subpackages=COMPUTES,
        scorer=EVERY,
        absent=NOT_CROSS_FITTED,
    ),
    Stage(
        "05_fairness_analysis",
        "Is every subgroup scored as human raters score it?",
        minutes=25,
        message="05 fairness of {student}",
        keys=("student",),
        runs=rules.reported,
        outputs=("fairness/{student}.json",),
        tests=True,
    ),
    Stage(
        "05a_cross_fitted_agreement",
        "How well does each Student score essays that it was not trained on? Which one to use?",
        minutes=15,
        message="05a cross-fitted agreement and fairness",
        runs=rules.once_where(lambda study: study.evaluation.cross_fitting > 0),
        outputs=("analyses/05a_cross_fitted_agreement.json",),
        inputs=rules.cross_fitting_results,
        absent=NOT_CROSS_FITTED,
    ),
    Stage(
        "05b_calibration",
        "Can calibration on dev reduce bias, and at what cost?",
        minutes=20,
        message="05b calibration of {student}",
        keys=("student",),
        runs=rules.students,
        outputs=("calibration/{student}.json",),
        inputs=rules.corpus_and_students,
        tests=True,
        absent="it trains no Student",
    ),
    Stage(
        "05c_teacher_audit",
        "Where do a Teacher's labels differ from human scores, and do Students learn that?",
        minutes=20,
        message="05c audit of Teacher {teacher}",
        keys=("teacher",),
        runs=rules.teachers,
        outputs=("audits/{teacher}.json",),
        tests=True,
        absent="no Student learns from a Teacher",
    ),
    Stage(
        "05d_teacher_comparison",
        "Which Teacher is more severe, and does a decoding rule reduce it?",
        minutes=20,
        message="05d teacher comparison",
        runs=rules.once_where(lambda study: "cyborg" in study.arms and len(study.students) > 0),
        outputs=("analyses/05d_teacher_comparison.json",),
        inputs=rules.runs_and_calibrations,
        tests=True,
        absent="no Student learns from a Teacher",
    ),
    Stage(
        "05e_pseudo_labels",
        "Hard, soft, weighted or filtered pseudo-labels?",
        minutes=15,
        message="05e pseudo labels",
        runs=rules.once_where(
            lambda study: "cyborg" in study.arms and len(study.pseudo_label_strategies) > 1
        ),
        outputs=("analyses/05e_pseudo_labels.json",),
        inputs=rules.runs_and_calibrations,
        tests=True,
        absent="pseudo_label_strategies names only hard",
    ),
    Stage(
        "05f_student_comparison",
        "Which of two Students, and what does a group penalty change?",
        minutes=15,
        message="05f student comparison",
        runs=rules.once_where(
            lambda study: len(study.evaluation.comparisons) > 0 and not study.machines
        ),
        outputs=("analyses/05f_student_comparison.json",),
        inputs=rules.runs_and_calibrations,
        tests=True,
        absent="evaluation.comparisons names no Students to compare",
    ),
    Stage(
        "05g_traits",
        "Traits next to the holistic score?",
        minutes=15,
        message="05g traits",
        runs=rules.once_where(lambda study: len(study.traits) > 1),
        outputs=("analyses/05g_traits.json",),
        inputs=rules.runs_and_calibrations,
        tests=True,
        absent="corpus.traits, or corpus.columns.traits, names no traits",
    ),
    Stage(
        "05h_transfer",
        "Another corpus, a prompt never seen?",
        minutes=15,
        message="05h transfer",
        runs=rules.once_where(
            lambda study: bool(study.sampling.held_out_prompts or study.transfer)
        ),
        outputs=("analyses/05h_transfer.json",),
        inputs=rules.runs_and_calibrations,
        tests=True,
        absent="neither transfer nor sampling.held_out_prompts names anything",
    ),
    Stage(
        "05i_measures",
        "How does each machine err: at which score, on which prompt, at which cut?",
        minutes=15,
        message="05i measures of {student}",
        keys=("student",),
        runs=rules.reported,
        outputs=("measures/{student}.json",),
        tests=True,
    ),
    Stage(
        "06_summary",
        "How few essays are enough?",
        minutes=20,
        message="06 summary",
        runs=rules.once,
        outputs=SUMMARY,
        inputs=_all_results,
        settings=rules.declared_and_title,
        tests=True,
    ),
    Stage(
        "06b_no_test_set",
        "What can be said without human-scored test essays?",
        minutes=15,
        message="06b what can be said without a test set",
        runs=rules.once_where(lambda study: not study.evaluation.has_test_set),
        outputs=SUMMARY,
        inputs=_all_results,
        settings=rules.declared_and_title,
        absent="it has human-scored test essays, so 06_summary is its page",
    ),
    Stage(
        "07_score_essays",
        "What does the Student give to new essays?",
        minutes=15,
        runs=rules.never,
        absent="it is for stepping alone",
    ),
)
BY_NAME = {stage.notebook: stage for stage in STAGES}


def summary_stage(study: Study) -> Stage:
    """The stage whose page is `index.html`."""
    return next(s for s in STAGES if s.outputs == SUMMARY and s.keys_of(study))


def question_pages(study: Study) -> list[str]:
    """The notebooks that this study has in addition to those of every study."""
    return [stage.notebook for stage in STAGES if stage.is_question and stage.keys_of(study)]


def require_page(study: Study, notebook: str) -> None:
    """Raise a ParameterError, with the reason, where a notebook does not apply to a study."""
    stage = BY_NAME[notebook]
    if stage.runs is rules.never or stage.keys_of(study):
        return
    reason = stage.absent
    if stage.tests and not study.evaluation.has_test_set:
        reason = NO_TEST_SET
    elif stage.is_question:
        reason += "; the study tour has it"
    raise ParameterError(f"study {study.name} has nothing for {notebook}: {reason}")


def maker_of(path: str) -> Stage:
    """The stage that writes a file or folder below `runs/<study>/`: one of its outputs, or a file
    in a run's own folder."""
    for stage in STAGES:
        for pattern in stage.outputs:
            folder, _, name = pattern.rpartition("/")
            own = pattern if "." not in name else folder if "{" in folder else pattern
            if re.fullmatch(re.sub(r"{\w+}", "[^/]+", own) + "(/.*)?", path):
                return stage
    raise KeyError(f"no stage writes {path}")
