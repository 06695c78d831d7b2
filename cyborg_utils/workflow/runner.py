"""Regenerate a study's reports: check its parameters, then let Snakemake run what has to run."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml

from cyborg_utils.study.config import COMMAND, load_study
from cyborg_utils.study.folders import resource, working_folder
from cyborg_utils.study.schema.base import ParameterError
from cyborg_utils.study.schema.corpora import corpus_files
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.storage import OWN_RESULTS, only_run
from cyborg_utils.workflow import preflight, recovery

REMOTE = ("--executor", "-e", "--profile")  # Snakemake's options for running stages elsewhere
JOB_NAME = "--slurm-jobname-prefix"  # the plugin's option
FULL = 20e6  # bytes: with fewer left, a disk is why a run failed


def run_study(
    name: str,
    settings: Sequence[str] = (),
    cores: int | None = None,
    profile: str | None = None,
    dry_run: bool = False,
    snakemake_options: Sequence[str] = (),
) -> int:
    """Run the stages of a study that have to run, and render its reports.

    Parameters
    ----------
    name, settings : as for `load_study`.
    cores : of this machine; by default all.
    profile : a folder in `profiles/` that says how a cluster is used.
    dry_run : show what would run, and run nothing.
    snakemake_options : more options for Snakemake.

    Returns
    -------
    0 where all went well, else the exit status of Snakemake

    Raises
    ------
    ParameterError
        The study cannot run as it is; one line for each fault.
    """
    study = load_study(name, settings)
    options = [*snakemake_options, *(profile_options(profile, study) if profile else [])]
    remote = any(option.startswith(REMOTE) for option in options)
    check_data(study)
    check_models(study, remote)
    with only_run(study.folder / ".lock", f"study {study.name}"):
        if JOB_NAME in options:
            recovery.no_jobs(study)
        report_earlier_run(study, dry_run)
        if not remote:  # there its own scheduler counts
            number = cores or os.cpu_count() or 1
            options = ["--cores", str(number), "--resources", "gpu=1", *options]
        options += ["--dry-run"] * dry_run
        command = study.folder / COMMAND
        values = json.dumps({"study": name, "settings": list(settings)}).encode()
        if not command.is_file() or command.read_bytes() != values:
            command.write_bytes(values)
        status = call_snakemake(command, options)
    if status:
        _explain_stop(study)
    elif not dry_run:
        index = working_folder() / "reports" / study.name / "index.html"
        here = Path.cwd()
        print(f"report: {index.relative_to(here) if index.is_relative_to(here) else index}")
    return status


def call_snakemake(command: Path, options: Sequence[str]) -> int:
    """Hand a study to Snakemake; its exit status.

    Parameters
    ----------
    command : a JSON file with the arguments of `load_study`. Each stage reads it too, so that no
        shell and no parser of YAML changes a name or a setting.
    """
    from snakemake.cli import main as snakemake
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    from cyborg_utils.workflow import progress

    LoggerPluginRegistry().register_plugin("snakemake_logger_plugin_study", progress)
    arguments = ["--snakefile", str(resource("Snakefile")), "--directory", str(working_folder())]
    arguments += ["--workflow-profile", str(resource("profiles") / "default"), "--logger", "study"]
    arguments += ["--configfile", str(command), *options]
    os.environ[OWN_RESULTS] = "1"  # for the stages
    try:
        snakemake(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        del os.environ[OWN_RESULTS]
    return 0


def profile_options(name: str, study: Study) -> list[str]:
    """Snakemake's options for a profile in `profiles/`.

    Raises
    ------
    ParameterError
        There is no such profile, or the plugin that it needs is missing.
    """
    profiles = resource("profiles")
    path = profiles / name / "config.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in profiles.glob("*/config.yaml")))
        raise ParameterError(f"no profile {name!r}: profiles/ has {known}")
    options = ["--profile", str(path)]
    if yaml.safe_load(path.read_text(encoding="utf-8")).get("executor") == "slurm":
        if find_spec("snakemake_executor_plugin_slurm") is None:
            raise ParameterError(
                f"profile {name} needs a plugin: pip install 'cyborg-data[cluster]'"
            )
        options += [JOB_NAME, recovery.job_name(study)]
    return options


def report_earlier_run(study: Study, dry_run: bool) -> None:
    """Say what an earlier run left, and remove what cannot be read, so that it is made again."""
    for path, message in recovery.broken(study).items():
        print(message, file=sys.stderr)
        if not dry_run:
            recovery.remove(path)
    if message := recovery.earlier_stages(study):
        print(message, file=sys.stderr)


def check_data(study: Study) -> None:
    """Raise a ParameterError where a file of the corpus is not there, or Snakemake would take a
    part of its name for a wildcard."""
    faults = [line.message for line in preflight.data_files(study) if not line.ok]
    for key, names in corpus_files(study.corpus).items():
        faults += [
            f"{key}: {name!r} has a brace in its name: rename the file without {{ and }}"
            for name in names
            if {*"{}"} & set(name)
        ]
    _raise_faults(study, faults)


def check_models(study: Study, remote: bool) -> None:
    """Raise a ParameterError where a library, a pretrained model, or a GPU for it is not there.

    `remote`: stages run on other machines, whose GPUs cannot be seen from this one.
    """
    libraries = preflight.libraries(study)
    if not libraries.ok:
        _raise_faults(study, [libraries.message])
    if not preflight.pretrained(study):
        return
    faults = [line.message for line in preflight.models(study) if not line.ok]
    _raise_faults(study, [f for f in faults if not (remote and f.startswith("GPU"))])


def _raise_faults(study: Study, faults: list[str]) -> None:
    if faults:
        raise ParameterError("\n".join(f"{study.name}: {fault}" for fault in faults))


def _explain_stop(study: Study) -> None:
    if (free := shutil.disk_usage(study.folder).free) < FULL:
        message = f"the disk of {study.folder} is full ({free / 1e6:.0f} MB are free): make room"
        print(message, file=sys.stderr)
    print(
        "stopped; finished stages are kept, and the same command continues from them",
        file=sys.stderr,
    )
