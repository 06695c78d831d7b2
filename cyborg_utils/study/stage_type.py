"""What a row of the table of stages says: `Stage`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cyborg_utils.study import stage_rules as rules
from cyborg_utils.study.code_hash import SHOWS, code_hash
from cyborg_utils.study.schema.models import Teacher
from cyborg_utils.study.schema.study import Study
from cyborg_utils.study.stage_rules import Key, Runs

SUMMARY = ("summary.json",)
EVERY = "every"


@dataclass(frozen=True)
class Stage:
    """One row: a notebook, when it applies, its parameters, what it reads and writes.

    Attributes
    ----------
    question : what its page answers.
    minutes : to work through it, exercises included.
    message : the message while it runs.
    keys : what identifies a run of the stage; wildcards in the names of its files.
    runs : the values of the keys for every run in a study; none where the stage does not apply.
    outputs : what a run writes, as patterns below `runs/<study>/`; a name without an ending is a
        folder. The stage has run where the first one exists. `{external}` is each external corpus.
    inputs : what a run reads, below `runs/<study>/` (for the corpus, below the working folder).
    parameters : values for the notebook's parameters cell.
    settings : values of the study that a run uses; it is rerun where one changes.
    subpackages : those whose code counts for that too.
    scorer : the key that names the Teacher or Student that is trained or scores; `EVERY` where all
        of the study are.
    tests : whether it needs human-scored test essays, which not every study has.
    absent : why a study may have no such page.
    """

    notebook: str
    question: str
    minutes: int
    message: str = ""
    keys: tuple[str, ...] = ()
    runs: Callable[[Study], Runs] = rules.once
    outputs: tuple[str, ...] = ()
    inputs: Callable[[Study, Key], list[str]] = rules.all_runs
    parameters: Callable[[Study, Key], dict] = rules.parameters
    settings: Callable[[Study, Key], list] = rules.declared
    subpackages: tuple[str, ...] = SHOWS
    scorer: str = ""
    priority: int = 0
    tests: bool = False
    absent: str = "it trains no such model"

    @property
    def rule(self) -> str:
        """`student_training` of `04_student_training`: what Snakemake calls it."""
        return self.notebook.partition("_")[2]

    @property
    def is_question(self) -> bool:
        """Whether its page answers an optional question of a study."""
        return bool(self.outputs) and self.outputs[0].startswith("analyses/")

    def keys_of(self, study: Study) -> list[Key]:
        """The key of every run in a study."""
        if self.tests and not study.evaluation.has_test_set:
            return []
        return [dict(zip(self.keys, values, strict=True)) for values in self.runs(study)]

    def page(self, key: Key) -> str:
        """Name of a run's page, without its ending: `index` for the summary, else that of its
        executed notebook."""
        return "index" if self.outputs == SUMMARY else self.executed(key)

    def executed(self, key: Key) -> str:
        """Name of a run's executed notebook, without its ending:
        `04_student_training--electra--full--s1`. With wildcards in the key it is a pattern."""
        values = [f"s{key[k]}" if k == "seed" else key[k] for k in self.keys]
        return "--".join([self.notebook, *values])

    def patterns(self, study: Study) -> list[str]:
        """`outputs`, one for each external corpus where they are of those."""
        names = {p: study.transfer if "{external}" in p else [""] for p in self.outputs}
        return [p.replace("{external}", name) for p in self.outputs for name in names[p]]

    def files(self, study: Study, key: Key) -> list[str]:
        """What one run writes, below `runs/<study>/`."""
        return [pattern.format_map(key) for pattern in self.patterns(study)]

    def hash(self, study: Study, key: Key) -> str:
        """Hash of code, settings and libraries: where it changes, the stage is rerun."""
        specs = self.specs(study, key)
        return code_hash(
            self.notebook,
            *self.settings(study, key),
            subpackages=self.subpackages,
            modules=tuple(spec.module for spec in specs),
            libraries=tuple({name for spec in specs for name in spec.libraries}),
        )

    def specs(self, study: Study, key: Key) -> list[Teacher]:
        """The settings of the Teachers and Students that a run trains or that score in it."""
        if self.scorer == EVERY:
            return [*study.teachers, *study.students]
        return [getattr(study, self.scorer)(key[self.scorer])] if self.scorer else []
