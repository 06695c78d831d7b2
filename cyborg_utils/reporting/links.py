"""Links to every report of a study."""

from __future__ import annotations

import itertools

from cyborg_utils.study.design import conditions, seeds, subset_slug, subsets
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import base_folder


def report_links(study: Study) -> str:
    """An HTML list of links to every report of a study, in the order of its stages."""
    pages = [("00_concepts", [])] * study.lesson + [("01_corpus", [])]
    pages += [
        ("01b_teacher_pretraining", [t.name]) for t in study.teachers if base_folder(study, t)
    ]
    every_u = [subset_slug(*subset) for subset in subsets(study)]
    for stage in ("02_teacher_training", "03_labeling"):
        pages += [(stage, [t.name, u]) for t in study.teachers for u in every_u]
    for s in study.students:
        for c in conditions(study):
            pages += [
                ("04_student_training", [s.name, c.slug, f"s{n}"]) for n in seeds(study, s.name)
            ]
    pages += [("05_fairness_analysis", [name]) for name in study.reported]
    if study.evaluation.judged:
        pages += [("05b_calibration", [s.name]) for s in study.students]
        pages += [("05c_teacher_audit", [t.name]) for t in study.teachers if "cyborg" in study.arms]
    pages += [(page, []) for page in study.analyses]
    items = []
    for stage, group in itertools.groupby(pages, key=lambda page: page[0]):
        links = [
            f'<a href="{"--".join([stage, *parts])}.html">{" · ".join(parts) or "open"}</a>'
            for _, parts in group
        ]
        items.append(f"<li>{stage.replace('_', ' ')}: {', '.join(links)}</li>")
    return f"<ul>{''.join(items)}</ul>"
