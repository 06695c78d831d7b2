"""Labels are display only: with every one reworded, no number and no key of a result changes."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from study_runs import ROOT

from cyborg_utils.analysis import agreement, calibration, measures, paired, subgroups
from cyborg_utils.analysis.predictions import at_primary_fraction, hard_only
from cyborg_utils.analysis.teacher_audit import by_stratum, inherited_errors
from cyborg_utils.corpus.text_screening import KINDS
from cyborg_utils.labeling.strategies import DECODING_RULES
from cyborg_utils.reporting import bias_figures, figures, labels, verdicts
from cyborg_utils.reporting.narrative import equivalents, fairness, findings, questions
from cyborg_utils.statistics.accuracy import ACCURACY_STATISTICS
from cyborg_utils.statistics.bootstrap import PAIR_STATISTICS
from cyborg_utils.statistics.calibration import METHODS
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict
from cyborg_utils.statistics.contrasts import NoInterval
from cyborg_utils.statistics.cut_scores import CONSISTENCY, CUT_STATISTICS
from cyborg_utils.statistics.external_criterion import CRITERION_STATISTICS, MATCHED_STATISTICS
from cyborg_utils.statistics.hypothesis_tests import Verdict
from cyborg_utils.statistics.scales import round_to_scale
from cyborg_utils.statistics.score_points import POINT_STATISTICS
from cyborg_utils.statistics.variance_components import ONCE, Population
from cyborg_utils.study.config import load_study
from cyborg_utils.study.design import Condition
from cyborg_utils.study.results import FairnessResult
from cyborg_utils.study.storage import records

ARM_SEEDS = {"human": 1, "cyborg": 2, "full": 3, "teacher": 4}
MARK = "¤"  # in no label
N, LABELS = 240, [1, 2, 3, 4, 5, 6]
ARMS = [
    Condition("human", None, 0.05), Condition("human", None, 0.1),
    Condition("cyborg", "llama", 0.05, strategy="hard"),
    Condition("cyborg", "llama", 0.1, strategy="hard"),
    Condition("cyborg", "llama", 0.1, strategy="soft"), Condition("full"),
]  # fmt: skip
ERROR = {"human": 1.1, "cyborg": 0.8, "full": 0.6, "teacher": 0.8}


def run_of(condition: Condition, draw: int | str, human: np.ndarray, noise: int) -> pd.DataFrame:
    """One run, whose machine scores the second half of the essays, group b, half a point low."""
    rng = np.random.default_rng([noise, 0 if draw == ONCE else draw, ARM_SEEDS[condition.arm]])
    gap = 0.5 * (np.arange(N) >= N // 2) * (condition.arm != "full")
    continuous = human + rng.normal(0, ERROR[condition.arm], N) - gap
    n_human = {0.05: 50, 0.1: 100, None: 1000}[condition.fraction]
    return pd.DataFrame(
        {"essay_id": [f"e{i}" for i in range(N)], "human": human, "continuous": continuous,
         "score": round_to_scale(continuous, LABELS), **condition.fields, "draw": draw,
         "seed": 1, "n_human": n_human, "n_train": 1000, "truncated": 0}
    )  # fmt: skip


def runs(noise: int) -> pd.DataFrame:
    """Every arm's runs on the essays of one split."""
    human = round_to_scale(np.random.default_rng(noise).normal(3.4, 1.1, N), LABELS)
    parts = [
        run_of(condition, draw, human, noise)
        for condition in ARMS
        for draw in ([ONCE] if condition.arm == "full" else [1, 2])
    ]
    return pd.concat(parts, ignore_index=True)


class Report:
    """Results of the analysis of a small study, and the sentences of its pages."""

    def __init__(self):
        self.study = load_study("demo", ["evaluation.replicates=200", "evaluation.min_group=20"])
        self.runs, self.dev = runs(1), runs(2)
        self.corpus = pd.DataFrame(
            {"essay_id": [f"e{i}" for i in range(N)], "club": ["a"] * (N // 2) + ["b"] * (N // 2),
             "split": "test", "prompt": "p"}
        )  # fmt: skip
        self.frames, self.texts = {}, []
        self._agreement()
        self._groups()
        self._questions()

    def _agreement(self):
        table, resampled = agreement.agreement_by_condition(self.study, self.runs)
        second = self.runs.drop_duplicates("essay_id").set_index("essay_id")["human"]
        measured, rules = measures.measures_by_condition(self.study, self.runs, table, second)
        compared = agreement.comparisons(self.study, table, resampled)
        compared = agreement.adjust_confirmatory(compared, 0.1)
        open_study = self.study.model_copy(update={"arms": ["human", "cyborg"]})
        steps = agreement.last_steps(open_study, table, resampled)
        self.frames |= {"agreement": table, "measures": measured, "rules": rules,
                        "comparisons": compared, "steps": steps}  # fmt: skip
        named = [frame.assign(student="ridge") for frame in (table, compared, rules, steps)]
        pairs = paired.primary_pairs(self.study, self.runs)
        bias = paired.bias_of_pairs(self.study, self.runs, pairs, self.corpus, ["club"])
        self.frames["bias"] = bias
        bias = bias.assign(student="ridge")
        none = pd.DataFrame()
        self.texts += findings.summary_findings(self.study, *named[:2], {}, None, none, bias)
        self.texts += fairness.shift_findings(named[2])
        self.texts += findings.labeling_recommendation(named[3], N)
        self.texts += equivalents.retention_texts(compared) + equivalents.worth_texts(compared)
        self.texts.append(figures.budget_curve(hard_only(named[0]), "Agreement")[1])
        shares = agreement.shares_of_runs(self.runs, LABELS)
        self.frames["shares"] = shares.reset_index()
        shares = shares.rename(columns=labels.source_label)
        self.texts.append(figures.score_distribution(shares, "Scores")[1])

    def _groups(self):
        grouped = self.study, self.runs, self.corpus, ["club"]
        report = subgroups.group_bias(*grouped)
        bands, association = subgroups.conditional_group_bias(*grouped)
        counted = subgroups.count_verdicts(self.study, report)
        by_level = agreement.shares_by_level(*grouped)
        self.frames |= {"groups": report, "bands": bands, "association": association,
                        "verdicts": counted, "shares_by_level": by_level}  # fmt: skip
        for cells in (verdicts.dsm_cells(self.study, report), verdicts.conditional_cells(bands)):
            self.texts += verdicts.verdict_matrix(cells).astype(str).stack().tolist()
        result = {"ridge": FairnessResult.model_construct(groups=records(report), bound=0.1)}
        self.texts += fairness.fairness_findings(self.study, result, "cyborg")
        self.texts.append(bias_figures.bias_forest(report, bands, 0.1, "club")[1])
        self.texts.append(figures.shares_by_group(by_level, "club")[1])

    def _questions(self):
        first = hard_only(at_primary_fraction(self.study, self.runs))
        first = first[first["draw"].isin([1, ONCE])]
        methods, _ = calibration.compare_calibrations(
            self.study, self.dev, first, self.corpus, ["club"]
        )
        hard, soft = (self.runs[self.runs["strategy"] == s] for s in ("hard", "soft"))
        changed = paired.changes(
            self.study, soft, hard[hard["fraction"] == 0.1], self.corpus, ["club"]
        )
        teacher = run_of(Condition("teacher", "llama", 0.1), 1, hard["human"].to_numpy()[:N], 1)
        inherited = inherited_errors(first, teacher)
        words = teacher.assign(words=(np.arange(N) % 5 + 1).astype(str))
        strata = by_stratum(words, ["human", "words"], LABELS)
        self.frames |= {"methods": methods, "changes": changed, "inherited": inherited,
                        "strata": strata}  # fmt: skip
        self.texts += questions.calibration_findings(methods, "ridge", 0.1)
        self.texts.append(questions.changes_finding(changed, "soft", "hard"))
        no_dev = pd.DataFrame(columns=["statistic", "dev"])
        self.texts += questions.audit_findings(strata, no_dev, LABELS, None)
        named = methods.assign(name=methods["condition"].map(labels.condition_label))
        self.texts.append(figures.trade_off(named, "Calibration")[1])
        for frame in self.frames.values():
            shown = labels.with_labels(frame).select_dtypes(exclude="number")
            self.texts += shown.astype(str).stack().tolist()
        plt.close("all")


def own_labels() -> dict[str, str | dict]:
    """The constants that labels.py itself defines, which are all labels, by name."""
    tree = ast.parse(Path(labels.__file__).read_text(encoding="utf-8"))
    names = [node.targets[0].id for node in tree.body if isinstance(node, ast.Assign)]
    return {name: getattr(labels, name) for name in names}


def reword(patch: pytest.MonkeyPatch) -> None:
    """Put other words into every label."""
    for name, value in own_labels().items():
        if isinstance(value, str):
            patch.setattr(labels, name, f"{MARK}{value}{MARK}")
        for key, text in list(value.items()) if isinstance(value, dict) else ():
            patch.setitem(value, key, f"{MARK}{text}{MARK}")


@pytest.fixture(scope="module")
def reports() -> tuple[Report, Report]:
    """The study as it is, and with every label reworded."""
    plain = Report()
    with pytest.MonkeyPatch.context() as patch:
        reword(patch)
        return plain, Report()


def test_rewording_every_label_changes_no_number_and_no_key(reports):
    plain, reworded = reports
    assert set(plain.frames) == set(reworded.frames)
    for name, frame in plain.frames.items():
        as_text = [json.dumps(records(report.frames[name])) for report in reports]
        assert as_text[0] == as_text[1], name
        assert len(frame) and MARK not in as_text[1], name


def test_rewording_every_label_changes_the_pages_and_nothing_but_labels(reports):
    plain, reworded = reports
    assert [text.replace(MARK, "") for text in reworded.texts] == plain.texts
    assert sum(MARK in text for text in reworded.texts) > 100
    assert not any(MARK in text for text in plain.texts)


def test_every_comparison_is_made_whatever_the_labels_are(reports):
    for report in reports:
        compared = report.frames["comparisons"].set_index("condition")
        assert list(compared.index) == [c.condition_id for c in ARMS if c.arm == "cyborg"]
        made = ["gain", "gain_low", "loss", "loss_high", "lower", "margin", "non_inferior",
                "retention", "worth_off_curve"]  # fmt: skip
        assert compared[made].notna().all(axis=None)
        assert compared.loc["cyborg-llama-f0.1", "gain"] > 0
        assert compared["p_holm"].notna().to_dict() == {
            "cyborg-llama-f0.05": False,
            "cyborg-llama-f0.1": True,
            "cyborg-llama-soft-f0.1": False,
        }
        assert compared["worth"].notna().any()


def test_every_condition_carries_its_fields(reports):
    for name, frame in reports[0].frames.items():
        if "condition" in frame:
            for row in records(frame):
                fields = Condition.from_id(row["condition"]).fields
                assert {key: row[key] for key in fields} == fields, name


def test_every_key_has_a_label():
    for enum in (Verdict, ConditionalVerdict, measures.RuleVerdict, subgroups.Outcome):
        assert set(enum) <= set(labels.VERDICTS)
    assert set(labels.RULES) == set(labels.RULE_SOURCES) == set(measures.Rule)
    assert set(labels.METHODS) == set(METHODS)
    assert set(labels.DECODING_RULES) == set(DECODING_RULES)
    assert set(labels.ANOMALIES) == set(KINDS)
    for words in (labels.POPULATIONS, labels.SCOPES, labels.SAMPLED):
        assert set(words) == set(Population)
    assert set(labels.NO_INTERVAL) == set(NoInterval)
    of_errors = {*POINT_STATISTICS, *CUT_STATISTICS, *CONSISTENCY, *CRITERION_STATISTICS}
    of_errors |= {*MATCHED_STATISTICS, *ACCURACY_STATISTICS, "kappa", "prmse", "dsm"}
    beside = {
        f"{name}_{of}" for name in ("adjudication", "smd", "qwk") for of in ("machine", "human")
    }
    assert set(labels.STATISTICS) == {*PAIR_STATISTICS, *paired.STATISTICS, *of_errors, *beside}
    assert labels.attribute_label(paired.EVERYONE) != paired.EVERYONE
    assert labels.prompt_label(paired.EVERYONE) != paired.EVERYONE
    assert labels.source_label(agreement.HUMAN) == labels.scorer_label(agreement.HUMAN)


def test_no_label_is_written_out_where_results_are_made():
    """Such a copy would no longer match once the label is reworded."""
    texts = {
        text
        for value in own_labels().values()
        for text in (value.values() if isinstance(value, dict) else [value])
        if " " in text
    }
    assert {"all human labels", "plain rounding", "QWK at least 0.70"} <= texts
    for folder in ("statistics", "study", "corpus", "models", "labeling", "analysis"):
        for file in (ROOT / "cyborg_utils" / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant):
                    assert node.value not in texts, f"{file.name}: {node.value}"
