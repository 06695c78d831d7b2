"""What a person sees while a study runs: the stage, how many are left, about how long.

A log handler for Snakemake in the form of its logger plugins; `cyborg_utils.workflow.runner`
registers it.
"""

from __future__ import annotations

import logging
import os
import sys
import time

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    """One line when a stage starts, one when it ends, the error where one fails."""

    def __post_init__(self) -> None:
        self.started: dict[int, float] = {}
        self.names: dict[int, str] = {}
        self.start = time.monotonic()

    def emit(self, record) -> None:
        match getattr(record, "event", None):
            case LogEvent.RUN_INFO:
                stages = record.stats.get("total", 1) - 1  # the target rule runs nothing
                self._print(f"{stages} stage{'s' * (stages != 1)} to run")
            case LogEvent.JOB_INFO if record.rule_msg:
                self.names[record.jobid] = record.rule_msg
                self.started[record.jobid] = time.monotonic()
                self._print(f"  start  {record.rule_msg}")
            case LogEvent.JOB_FINISHED if record.job_id in self.started:
                spent = time.monotonic() - self.started[record.job_id]
                self._print(f"  done   {self.names[record.job_id]} ({spent:.0f} s)")
            case LogEvent.PROGRESS if record.done < record.total - 1:
                self._print(f"         {self._left(record.done, record.total - 1)}")
            case LogEvent.JOB_ERROR:
                self._print(f"  FAILED {self.names.get(record.jobid, record.rule_name)}")
                if record.aux.get("external_jobid"):  # what a cluster said, and where it wrote
                    said = record.rule_msg.partition(". ")[0]
                    self._print(f"         {said}; its log: {os.path.relpath(record.log[-1])}")
            case LogEvent.ERROR:
                self._print(record.getMessage())
            case None if record.levelno >= logging.ERROR:
                self._print(record.getMessage())

    def _left(self, done: int, stages: int) -> str:
        seconds = (time.monotonic() - self.start) / done * (stages - done)
        left = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f"{done} of {stages} stages done, about {left} left"

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    @property
    def writes_to_stream(self) -> bool:
        return True

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        return True

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False
