"""Write the findings, tables and figures of two studies into README.md, from their summaries.

`python -m cyborg_utils.readme` is what `make readme` calls. It keeps the part of
`runs/<study>/summary.json` that the README shows in `reports/<study>/summary.json`. Numbers in the
README are generated, never typed.
"""

from __future__ import annotations

from pathlib import Path

from cyborg_utils.schema_basis import ROOT
from cyborg_utils.stages import read_json, write_json

STUDIES = ("demo", "persuade-cpu")
SHOWN = ("study", "simulated", "headline", "findings", "agreement", "teachers", "comparisons")


def kept(study: str) -> Path:
    """Where the shown part of a study's summary is kept."""
    return ROOT / "reports" / study / "summary.json"


def section(summary: dict) -> str:
    """The README's part on one study, in Markdown."""
    lines = ["| scorer | learnt from | hand-scored | QWK on test | 95 % interval |"]
    lines += ["|---|---|---:|---:|---|"]
    teachers = [{**r, "student": "Teacher", "series": r["teacher"]} for r in summary["teachers"]]
    lines += [
        f"| {r['student']} | {r['series']} | {r['n_human']:,} | {r['qwk']:.3f} "
        f"| {r['low']:.3f} to {r['high']:.3f} |"
        for r in summary["agreement"] + teachers
        if r["fraction"] in (None, summary["headline"])
    ]
    image = f"reports/{summary['study']}/qwk.png"
    lines += ["", f"![QWK on test by the number of hand-scored essays]({image})", ""]
    lines += ["<details><summary>What it found, in sentences</summary>", ""]
    lines += [f"- {line}" for line in summary["findings"]]
    return "\n".join([*lines, "", "</details>"])


def with_sections(readme: str) -> str:
    """The README with its generated parts replaced."""
    for study in STUDIES:
        begin, end = f"<!-- {study}: begin (make readme writes this) -->", f"<!-- {study}: end -->"
        before, rest = readme.split(begin)
        after = rest.split(end)[1]
        readme = f"{before}{begin}\n{section(read_json(kept(study)))}\n{end}{after}"
    return readme


def main() -> None:
    for study in STUDIES:
        summary = ROOT / "runs" / study / "summary.json"
        if summary.is_file():
            whole = read_json(summary)
            write_json(kept(study), {key: whole[key] for key in SHOWN})
    readme = ROOT / "README.md"
    readme.write_text(with_sections(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
