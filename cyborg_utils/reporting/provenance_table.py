"""The last table of every page: what made it."""

from __future__ import annotations

import pandas as pd

from cyborg_utils.reporting import tables
from cyborg_utils.study.provenance import provenance
from cyborg_utils.study.schema.study import Study


def show_provenance(study: Study | None = None) -> None:
    """Show versions, commit, date and device of this process, and the seeds of a study."""
    made_by = provenance()
    rows = {
        "cyborg-data": made_by.package,
        "commit": made_by.commit or "not in a git checkout",
        "date (UTC)": f"{made_by.date:%Y-%m-%d %H:%M}",
        "device": made_by.device,
        "platform": f"{made_by.platform}, Python {made_by.python}",
        "libraries": ", ".join(f"{name} {v}" for name, v in made_by.libraries.items()),
    }
    if study is not None:
        sampling = study.sampling
        rows["study"] = study.name
        rows["settings"] = ", ".join(study.settings) or "as in its file"
        rows["draws of U"] = ", ".join(map(str, sampling.draws))
        rows["seeds"] = ", ".join(map(str, sampling.seeds))
    frame = pd.DataFrame({"what": rows.keys(), "value": rows.values()})
    tables.table(frame, "Versions, commit, device and seeds")
