"""Regenerate a study's reports: check its parameters, then let Snakemake run what has to run.

`python -m cyborg_utils.workflow.runner [STUDY] [--set key=value ...]` is what `make reports` calls.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib.util import find_spec

import yaml

from cyborg_utils.study.config import load_study
from cyborg_utils.study.folders import resource, shown_path, working_folder
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import only_run
from cyborg_utils.workflow import preflight, recovery

ELSEWHERE = ("--executor", "-e", "--profile")  # Snakemake's options for running stages elsewhere
JOB_NAME = "--slurm-jobname-prefix"  # the plugin's option
PLUGIN = "-c constraints.txt -e '.[cluster]'"
FULL = 20e6  # bytes: with fewer left, a disk is why a run failed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m cyborg_utils.workflow.runner", description=__doc__
    )
    parser.add_argument("study", nargs="?", default="demo", help="a name in params/, or a path")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="of this machine")
    parser.add_argument("--profile", help="a folder in profiles/ that says how a cluster is used")
    parser.add_argument("--dry-run", action="store_true", help="show what would run")
    options, snakemake_options = parser.parse_known_args(arguments)
    try:
        study = load_study(options.study, options.settings)
        if options.profile:
            snakemake_options += profile_options(options.profile, study)
        find_files(study)
        find_models(study, elsewhere(snakemake_options))
        with only_run(study.folder / ".lock", f"study {study.name}"):
            if JOB_NAME in snakemake_options:
                recovery.no_jobs(study)
            look(study, options.dry_run)
            failed = run(study, options, snakemake_options)
    except ParameterError as error:
        print(error, file=sys.stderr)
        return 2
    index = working_folder() / "reports" / study.name / "index.html"
    if failed:
        if (free := shutil.disk_usage(study.folder).free) < FULL:
            print(
                f"the disk of {study.folder} is full ({free / 1e6:.0f} MB are free): make room",
                file=sys.stderr,
            )
        print(
            "stopped; finished stages are kept, and the same command goes on from them",
            file=sys.stderr,
        )
    elif not options.dry_run:
        print(f"report: {shown_path(index)}")
    return failed


def run(study: Study, options, snakemake_options: list[str]) -> int:
    """Hand the study to Snakemake; 0 where all went well."""
    from snakemake.cli import main as snakemake
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    from cyborg_utils.workflow import progress

    LoggerPluginRegistry().register_plugin("snakemake_logger_plugin_study", progress)
    arguments = ["--snakefile", str(resource("Snakefile"))]
    arguments += ["--directory", str(working_folder())]
    arguments += ["--logger", "study"]
    if not elsewhere(snakemake_options):  # there its own scheduler counts
        arguments += ["--cores", str(options.cores), "--resources", "gpu=1"]
    arguments += ["--config", f"study={options.study}", f"settings={options.settings!r}"]
    arguments += (["--dry-run"] if options.dry_run else []) + snakemake_options
    try:
        snakemake(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def elsewhere(snakemake_options: list[str]) -> bool:
    """Whether stages run on other machines than this one."""
    return any(option.startswith(ELSEWHERE) for option in snakemake_options)


def profile_options(name: str, study: Study) -> list[str]:
    """Snakemake's options for a profile in `profiles/`; a ParameterError where there is none."""
    path = resource("profiles") / name / "config.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in resource("profiles").glob("*/config.yaml")))
        raise ParameterError(f"no profile {name!r}: profiles/ has {known}")
    options = ["--profile", str(path)]
    if yaml.safe_load(path.read_text(encoding="utf-8")).get("executor") == "slurm":
        if find_spec("snakemake_executor_plugin_slurm") is None:
            raise ParameterError(
                f"profile {name} needs a plugin: {sys.executable} -m pip install {PLUGIN}"
            )
        options += [JOB_NAME, recovery.job_name(study)]
    return options


def look(study: Study, dry_run: bool) -> None:
    """Say what an earlier run left, and remove what cannot be read, so that it is made again."""
    for path, told in recovery.broken(study).items():
        print(told, file=sys.stderr)
        if not dry_run:
            recovery.remove(path)
    if told := recovery.found(study):
        print(told, file=sys.stderr)


def find_files(study: Study) -> None:
    """Raise a ParameterError where a file of the corpus is not there."""
    stop(study, [line.told for line in preflight.data_files(study) if not line.ok])


def find_models(study: Study, elsewhere: bool) -> None:
    """Raise a ParameterError where a pretrained model is not there, or a GPU for it.

    `elsewhere`: stages run on other machines, whose GPUs cannot be seen from this one.
    """
    if not preflight.pretrained(study):
        return
    faults = [line.told for line in preflight.models(study) if not line.ok]
    stop(study, [told for told in faults if not (elsewhere and told.startswith("GPU"))])


def stop(study: Study, faults: list[str]) -> None:
    """Raise a ParameterError with a line for each fault, where there are any."""
    if faults:
        raise ParameterError("\n".join(f"{study.name}: {fault}" for fault in faults))


if __name__ == "__main__":
    sys.exit(main())
