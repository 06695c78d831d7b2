"""Write the demo's findings, table and figure into README.md, from `runs/demo/summary.json`.

`python -m cyborg_utils.readme` is what `make readme` calls. Numbers in the README are generated,
never typed.
"""

from __future__ import annotations

import shutil

from cyborg_utils.schema import ROOT
from cyborg_utils.stages import read_json

BEGIN, END = "<!-- demo: begin (make readme writes this) -->", "<!-- demo: end -->"
KEPT = ROOT / "reports" / "demo" / "summary.json"


def demo_section(summary: dict) -> str:
    """The README's part on the demo, in Markdown."""
    main = summary["settings"]["sampling"]["headline"] or 0.1
    rows = [r for r in summary["agreement"] if r["fraction"] in (None, main)]
    lines = [f"- {line}" for line in summary["findings"]]
    lines += ["", "| Student | learnt from | hand-scored | QWK on test | 95 % interval |"]
    lines += ["|---|---|---:|---:|---|"]
    lines += [
        f"| {r['student']} | {r['series']} | {r['n_human']:,} | {r['qwk']:.3f} "
        f"| {r['low']:.3f} to {r['high']:.3f} |"
        for r in rows
    ]
    lines += ["", "![QWK on test by the number of hand-scored essays](reports/demo/qwk.png)"]
    return "\n".join(lines)


def with_section(readme: str, section: str) -> str:
    """The README with its generated part replaced."""
    before, rest = readme.split(BEGIN)
    return f"{before}{BEGIN}\n{section}\n{END}{rest.split(END)[1]}"


def main() -> None:
    summary = ROOT / "runs" / "demo" / "summary.json"
    if summary.is_file():
        shutil.copyfile(summary, KEPT)
    readme = ROOT / "README.md"
    text = with_section(readme.read_text(encoding="utf-8"), demo_section(read_json(KEPT)))
    readme.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
