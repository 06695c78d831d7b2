"""Where the published data lie that some tests compare with; they skip where it is not there."""

import os
from pathlib import Path

DATA = Path(os.environ.get("CYBORG_DATA", Path(__file__).resolve().parents[2] / "shared/data"))
PREDICTIONS = DATA / "predictions/persuade_test_predictions.csv.gz"
