"""The statistics as a library of their own: what an import provides, and what it does not load."""

import doctest
import inspect
import subprocess
import sys

import pytest

from cyborg_utils import statistics

FUNCTIONS = [name for name in statistics.__all__ if inspect.isfunction(getattr(statistics, name))]
NOT_NEEDED = {
    "torch", "transformers", "sklearn", "matplotlib", "seaborn", "IPython", "pydantic", "yaml",
    "papermill", "nbformat", "nbconvert", "snakemake",
}  # fmt: skip


def run_python(code: str) -> str:
    """What code prints in a separate interpreter."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_import_loads_no_models_no_plots_and_no_study():
    loaded = run_python("import sys, cyborg_utils.statistics; print(*sys.modules)").split()
    assert "cyborg_utils.statistics.fairness" in loaded
    assert not NOT_NEEDED & set(loaded)
    subpackages = {name.split(".")[1] for name in loaded if name.startswith("cyborg_utils.")}
    assert subpackages == {"statistics"}


@pytest.mark.slow
def test_the_import_takes_little_longer_than_that_of_its_libraries():
    """In CPU time, the best of three; 1.4 s against 1.2 s when this was written."""

    def seconds(module: str) -> float:
        code = f"import time, {module}; print(time.process_time())"
        return min(float(run_python(code)) for _ in range(3))

    assert seconds("cyborg_utils.statistics") < 1.4 * seconds("pandas, scipy.stats, scipy.optimize")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_documents_its_parameters_and_result(name):
    function = getattr(statistics, name)
    signature = inspect.signature(function)
    parameters = signature.parameters.values()
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in parameters)
    text = inspect.getdoc(function)
    assert "Parameters\n---" in text and "Returns\n---" in text
    described = text.split("Parameters\n")[1].split("Returns\n")[0].splitlines()
    heads = [line.split(" : ")[0] for line in described if line and line[0] not in " -"]
    assert {p.name for p in parameters} == set(", ".join(heads).split(", "))


def test_the_example_is_true():
    assert doctest.testmod(statistics) == (0, 2)
