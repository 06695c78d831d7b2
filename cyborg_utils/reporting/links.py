"""Links to every report of a study."""

from __future__ import annotations

from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stage_type import SUMMARY
from cyborg_utils.study.stages import STAGES


def report_links(study: Study) -> str:
    """An HTML list of links to every report of a study but the summary, in the order of its
    stages."""
    items = []
    for stage in STAGES:
        links = [
            f'<a href="{stage.page(key)}.html">'
            f"{' · '.join(stage.page(key).split('--')[1:]) or 'open'}</a>"
            for key in stage.keys_of(study)
            if stage.outputs != SUMMARY
        ]
        if links:
            items.append(f"<li>{stage.notebook.replace('_', ' ')}: {', '.join(links)}</li>")
    return f"<ul>{''.join(items)}</ul>"
