"""The file of a tiny study."""

from __future__ import annotations

from pathlib import Path

import pytest
from study_runs import clean
from tiny_study import NAME, TINY


@pytest.fixture
def tiny_file(tmp_path) -> Path:
    path = tmp_path / f"{NAME}_other.yaml"
    path.write_text(TINY)
    yield path
    clean(path.stem)
