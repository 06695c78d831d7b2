"""The stages of a study: which apply to it."""

from __future__ import annotations

from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study

ASKS = {
    "05e_label_use": "label_uses names no other use than hard",
    "05f_student_comparison": "evaluation.comparisons names no Students to compare",
    "05g_traits": "corpus.traits, or corpus.columns.traits, names no traits",
    "05h_transfer": "neither transfer nor sampling.leave_out names anything",
}


def check_asked(study: Study, page: str) -> None:
    """Raise a ParameterError where a study does not ask what a page answers."""
    if page not in study.analyses:
        raise ParameterError(
            f"study {study.name} has nothing for {page}: {ASKS[page]}; the study tour has it"
        )


def check_judged(study: Study, page: str) -> None:
    """Raise a ParameterError where a page is of test essays that a study has none of, or of their
    lack in a study that has some."""
    judged = study.evaluation.judged
    if judged and page == "06b_unjudged":
        raise ParameterError(
            f"study {study.name} has human-scored test essays, so 06_summary is its page; "
            f"{page} is for a study with evaluation.judged: false (make study ... "
            "OPTIONS='--no-test')"
        )
    if not judged and (page.startswith("05") or page == "06_summary"):
        raise ParameterError(
            f"study {study.name} has nothing for {page}: no test essay is scored by people "
            "(evaluation.judged: false); 06b_unjudged is its page"
        )
