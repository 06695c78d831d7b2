"""Simulate how often intervals cover, and verdicts err, for the population that a sentence names.

    python benchmarks/interval_coverage.py --write          # docs/coverage.md, minutes on one core

Essays, raters and machines are simulated, so that the truth is known for every population: these
runs, this draw of U, new draws. Each design of draws and trainings is simulated many times.
"""

import argparse
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cyborg_utils.statistics.agreement import compare_machines
from cyborg_utils.statistics.conditional_bias import ConditionalVerdict, conditional_bias
from cyborg_utils.statistics.contrasts import compare_arms, equivalent_labels, retention
from cyborg_utils.statistics.hypothesis_tests import Verdict, equivalence_verdict
from cyborg_utils.statistics.replications import Runs, pool_replications, resample_runs
from cyborg_utils.statistics.standardized_differences import dsm_with_error, smd_with_error
from cyborg_utils.statistics.variance_components import ONCE, Population, population

PAGE = Path(__file__).resolve().parents[1] / "docs/coverage.md"
DESIGNS = [(1, 1), (1, 2), (2, 2), (3, 1), (3, 2), (5, 1)]  # draws, trainings of each
LABELS = np.arange(1, 7)
MARGIN, BOUND = 0.02, 0.10
HUMAN_SD, MACHINE_SD, DRAW_SD, SEED_SD = 0.5, 0.7, 0.05, 0.05  # of errors, and of MACHINE_SD's
SHIFT_DRAW, SHIFT_SEED = 0.04, 0.05  # standard deviations of a run's shift, in score points
DIFFICULTY_SD, PROMPT_SD = 0.3, 0.15  # of prompts, and of an arm's shift by prompt
PROMPTS = {  # essays of each prompt
    "13, as in PERSUADE's test set": [763, 684, 615, 50, 14, 13, 5, 2, 2, 2, 2, 1, 1],
    "15, as in the file of six machines, a fifth of it": [
        213, 195, 187, 175, 166, 165, 162, 155, 153, 137, 132, 100, 93, 46, 2,
    ],
    "6 of one size": [200] * 6,
}  # fmt: skip
CURVE = {80: 0.95, 200: 0.85, 400: 0.72}  # human labels, and the error's SD with them
CYBORG_SD, FULL, FULL_SD = 0.76, 800, 0.62
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
NAMES = {
    Population.THESE_RUNS: "these runs",
    Population.THIS_DRAW: "this draw",
    Population.ONE_FULL_RUN: "new draws, this one run on all labels",
    Population.NEW_DRAWS: "new draws",
}


def on_scale(scores):
    """Scores rounded to the points 1 to 6."""
    return np.clip(np.rint(scores), 1, 6)


def kappa_by_error(rng, n=200_000, prompts=False):
    """QWK in the population as a function of the standard deviation of the machine's error."""
    true, noise = rng.normal(3.4, 1, n), rng.normal(size=n)
    shift = rng.normal(0, PROMPT_SD, n) if prompts else 0
    true += rng.normal(0, DIFFICULTY_SD, n) if prompts else 0
    human = on_scale(true + rng.normal(0, HUMAN_SD, n))
    grid = np.linspace(0.3, 1.2, 19)
    kappas = []
    for sd in grid:
        machine = on_scale(true + shift + sd * noise)
        covariance = np.cov(human, machine, ddof=0)
        gap = (machine.mean() - human.mean()) ** 2
        kappas.append(2 * covariance[0, 1] / (np.trace(covariance) + gap))
    return np.polynomial.Polynomial.fit(grid, kappas, 4)


class Arm(NamedTuple):
    """Mean SD of its error, the human labels that it uses (None: all), and whether a Teacher is
    trained on them."""

    center: float
    labels: int | None = 200
    teacher: bool = False


def simulate_study(rng, kappa, arms, design, n_essays, prompts=None):
    """One study: its human scores, its runs, and the true QWK of each arm by population."""
    n_draws, n_seeds = design
    u = {arm.labels: rng.normal(0, DRAW_SD, (n_draws, 1)) for arm in arms.values()}
    prompt = None if prompts is None else np.repeat(np.arange(len(prompts)), prompts)
    n = n_essays if prompt is None else prompt.size
    true = rng.normal(3.4, 1, n)
    if prompt is not None:
        true += rng.normal(0, DIFFICULTY_SD, len(prompts))[prompt]
    human = on_scale(true + rng.normal(0, HUMAN_SD, n))
    runs, truth = {}, {key: {} for key in Population}
    for name, arm in arms.items():
        drawn = arm.labels is not None
        given = np.full((n_draws if drawn else 1, 1), arm.center)  # without the trainings
        if drawn:
            given = given + u[arm.labels]
        if arm.teacher:
            given = given + rng.normal(0, DRAW_SD, given.shape)
        sds = given + rng.normal(0, SEED_SD, (len(given), n_seeds))
        draw_sd = DRAW_SD * np.sqrt(drawn + arm.teacher)
        truth[Population.NEW_DRAWS][name] = expected(kappa, arm.center, draw_sd)
        truth[Population.THESE_RUNS][name] = kappa(sds).mean()
        truth[Population.THIS_DRAW][name] = (kappa(given + SEED_SD * NODES) @ WEIGHTS).mean()
        fixed = Population.NEW_DRAWS if drawn else Population.THESE_RUNS
        truth[Population.ONE_FULL_RUN][name] = truth[fixed][name]
        shift = 0 if prompt is None else rng.normal(0, PROMPT_SD, len(prompts))[prompt]
        noise = rng.normal(size=(sds.size, n)) * sds.reshape(-1, 1)
        draws = np.repeat(np.arange(n_draws) if drawn else [ONCE], n_seeds)
        seeds = np.tile(np.arange(n_seeds), len(given))
        runs[name] = Runs(on_scale(true + shift + noise), draws, seeds)
    return human, runs, truth, prompt


def resample(rng, human, runs, prompt=None):
    """The study's QWKs, resampled."""
    seed = int(rng.integers(2**31))
    return resample_runs(human, runs, LABELS, 200, cluster=prompt, seed=seed)


def at_margin(kappa, reference):
    """A cyborg arm whose expected QWK is the margin below that of the reference."""
    target = expected(kappa, reference.center, DRAW_SD * (reference.labels is not None)) - MARGIN
    center = optimize.brentq(lambda c: expected(kappa, c, np.sqrt(2) * DRAW_SD) - target, 0.5, 1.0)
    return {"cyborg": Arm(center, teacher=True), "reference": reference}


def expected(kappa, center, draw_sd):
    """The mean QWK over new draws and trainings."""
    return kappa(center + np.hypot(draw_sd, SEED_SD) * NODES) @ WEIGHTS


def comparisons(rng, trials, n_essays):
    """Coverage and errors of comparisons; the true difference over new draws is -MARGIN."""
    kappa, rows = kappa_by_error(rng), []
    for reference, labels in (("human", 200), ("full", None)):
        arms = at_margin(kappa, Arm(MACHINE_SD, labels))
        for design in DESIGNS:
            covered, above, claimed = [], [], []
            for _ in range(trials):
                human, runs, truth, _ = simulate_study(rng, kappa, arms, design, n_essays)
                result = compare_arms(resample(rng, human, runs), "cyborg", "reference", MARGIN)
                of_arm = truth[result["population"]]
                target = of_arm["cyborg"] - of_arm["reference"]
                covered.append(result["low"] <= target <= result["high"])
                above.append(result["lower"] > target)
                new = result["population"] == Population.NEW_DRAWS
                claimed.append(result["non_inferior"] if new else np.nan)
            rows.append(
                {"cyborg data compared with": f"{reference} labels", "draws": design[0],
                 "trainings": design[1], "population that is named": NAMES[result["population"]],
                 "coverage, 95 %": np.mean(covered), "lower bound too high, 5 %": np.mean(above),
                 "non-inferior though at the margin, 5 %": np.mean(claimed)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def from_curve(rng, trials, n_essays):
    """Coverage of retention and of the human-label equivalent; slow, so half as many trials."""
    kappa, rows = kappa_by_error(rng), []
    arms = {str(n): Arm(sd, n) for n, sd in CURVE.items()}
    arms |= {"cyborg": Arm(CYBORG_SD, teacher=True), str(FULL): Arm(FULL_SD, None)}
    points = [*CURVE, FULL]
    for design in DESIGNS:
        kept, worth = [], []
        for _ in range(trials // 2):
            human, runs, truth, _ = simulate_study(rng, kappa, arms, design, n_essays)
            resampled = resample(rng, human, runs)
            named = population(resampled.runs, dict.fromkeys(arms, 1.0))
            of_arm = truth[named]
            share = retention(resampled, "cyborg", "200", str(FULL))
            gain = of_arm[str(FULL)] - of_arm["200"]
            true_share = (of_arm["cyborg"] - of_arm["200"]) / gain
            bounded = pd.isna(share["no_interval"])
            kept.append(share["low"] <= true_share <= share["high"] if bounded else np.nan)
            labels = equivalent_labels(resampled, "cyborg", {n: str(n) for n in points})
            worth.append(_covers(labels, of_arm["cyborg"], [of_arm[str(n)] for n in points]))
        rows.append(
            {"draws": design[0], "trainings": design[1], "population": NAMES[named],
             "retention has an interval": np.isfinite(kept).mean(),
             "its coverage, 95 %": pd.Series(kept).mean(),
             "interval without the truth, of all studies, 5 %": np.mean(np.equal(kept, 0)),
             "coverage of the equivalent, 95 %": np.mean(worth)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def _covers(labels, qwk, curve):
    """Whether the interval of `equivalent_labels`, whose ends can lie off the curve, contains where
    the true QWK lies on the true curve, made monotone."""
    points, curve = [*CURVE, FULL], optimize.isotonic_regression(curve).x
    beyond = {"low_below": 0, "high_below": 0, "low_above": np.inf, "high_above": np.inf}
    low, high = labels["low"], labels["high"]
    for name in (name for name in labels["off_curve"] if name in beyond):
        low, high = (beyond[name], high) if name.startswith("low") else (low, beyond[name])
    if not curve[0] <= qwk <= curve[-1]:
        return low == 0 if qwk < curve[0] else high == np.inf
    return low <= np.exp(np.interp(qwk, curve, np.log(points))) <= high


def new_prompts(rng, trials, n_essays):
    """Coverage for new prompts, of arms and of two machines, by the prompts' sizes."""
    kappa, rows = kappa_by_error(rng, prompts=True), []
    arms = at_margin(kappa, Arm(MACHINE_SD))
    for name, sizes in PROMPTS.items():
        sizes = [max(round(size * min(n_essays / 800, 1)), 1) for size in sizes]
        for kind, design in (("machines", (1, 1)), ("arms", (1, 1)), ("arms", (3, 2))):
            covered, widths = [], []
            for _ in range(trials):
                human, runs, truth, prompt = simulate_study(rng, kappa, arms, design, 0, sizes)
                if kind == "arms":
                    resampled = resample(rng, human, runs, prompt)
                    result = compare_arms(resampled, "cyborg", "reference")
                    named = result["population"]
                else:
                    scores = (runs[arm].scores[0] for arm in arms)
                    result = compare_machines(
                        human, *scores, LABELS, n_replicates=400, cluster=prompt,
                        seed=int(rng.integers(2**31)),
                    )  # fmt: skip
                    named = Population.THESE_RUNS
                target = truth[named]["cyborg"] - truth[named]["reference"]
                covered.append(result["low"] <= target <= result["high"])
                widths.append(result["high"] - result["low"])
            rows.append(
                {"prompts": name, "compared": kind, "draws": design[0], "trainings": design[1],
                 "population, besides new prompts": NAMES[named],
                 "coverage, 95 %": np.mean(covered),
                 "median width": f"{np.median(widths):.3f}"}
            )  # fmt: skip
    return pd.DataFrame(rows)


def two_trainings(rng, trials, n_essays):
    """False verdicts on the DSM of a subgroup, from two trainings on one draw."""
    share, spread, rows = 0.2, 1 + MACHINE_SD**2, []

    def dsm(shift):
        return (1 - share) * shift / np.sqrt(spread + share * (1 - share) * shift**2)

    for n in (n_essays // 2, 2 * n_essays):
        member = np.arange(n) < share * n
        for seed_sd in (0.02, 0.05, 0.15):
            covered, at_bound, at_zero = [], [], []
            center = BOUND * np.sqrt(spread) / (1 - share)
            truth = dsm(center + seed_sd * NODES) @ WEIGHTS
            for _ in range(trials):
                true = rng.normal(3.4, 1, n)
                human = on_scale(true + rng.normal(0, HUMAN_SD, n))
                table = []
                for seed in range(2):
                    shift = center + rng.normal(0, seed_sd)
                    machine = true + shift * member + rng.normal(0, MACHINE_SD, n)
                    table.append(("", 0, seed, *dsm_with_error(human, machine, member)))
                table = pd.DataFrame(table, columns=["key", "draw", "seed", "dsm", "se"])
                row = pool_replications(table, ["key"], "dsm", member.sum()).iloc[0]
                half_width = stats.t.ppf(0.975, row["df"]) * row["se"]
                covered.append(abs(row["dsm"] - truth) <= half_width)
                options = row["se"], member.sum(), BOUND
                error = row["dsm"] - truth
                at_bound.append(equivalence_verdict(BOUND + error, *options, df=row["df"]))
                at_zero.append(equivalence_verdict(error, *options, df=row["df"]))
            rows.append(
                {"essays of the subgroup": int(member.sum()),
                 "SD of the trainings, in score points": f"{seed_sd:.2f}",
                 "coverage, 95 %": np.mean(covered),
                 "within though at the bound, 5 %": _share(at_bound, Verdict.WITHIN),
                 "outside though at the bound, 5 %": _share(at_bound, Verdict.OUTSIDE),
                 "within where the truth is 0": _share(at_zero, Verdict.WITHIN)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _share(verdicts, of):
    return np.mean([verdict == of for verdict in verdicts])


def shifts(rng, trials, n_essays):
    """Coverage of the SMD of several runs, and false verdicts of one whose truth is the bound."""
    large = rng.normal(3.4, 1, 400_000)
    pair = [on_scale(large + rng.normal(0, sd, large.size)) for sd in (HUMAN_SD, MACHINE_SD)]
    d = np.sqrt(np.mean([scores.var() for scores in pair]))
    rows = []
    for n_draws, n_seeds in DESIGNS:
        covered, wrong = [], []
        for _ in range(trials):
            draw = rng.normal(0, SHIFT_DRAW, (n_draws, 1))
            moved = BOUND * d + draw + rng.normal(0, SHIFT_SEED, (n_draws, n_seeds))
            true = rng.normal(3.4, 1, n_essays)
            human = on_scale(true + rng.normal(0, HUMAN_SD, n_essays))
            table = []
            for (i, j), shift in np.ndenumerate(moved):
                machine = on_scale(true + shift + rng.normal(0, MACHINE_SD, n_essays))
                table.append(("", i, j, *smd_with_error(human, machine)))
            table = pd.DataFrame(table, columns=["key", "draw", "seed", "smd", "se"])
            row = pool_replications(table, ["key"], "smd", n_essays).iloc[0]
            over_draws = BOUND if n_draws > 1 else (BOUND * d + draw.mean()) / d
            truth = moved.mean() / d if moved.size == 1 else over_draws
            covered.append(abs(row["smd"] - truth) <= stats.t.ppf(0.975, row["df"]) * row["se"])
            around = row["smd"] - truth + BOUND  # the same study with a truth at the bound
            wrong.append(equivalence_verdict(around, row["se"], n_essays, BOUND, df=row["df"]))
        named = "these runs" if n_draws * n_seeds == 1 else "this draw"
        rows.append(
            {"draws": n_draws, "trainings": n_seeds,
             "population": "new draws" if n_draws > 1 else named,
             "coverage, 95 %": np.mean(covered),
             "within though at the bound, 5 %": _share(wrong, Verdict.WITHIN),
             "outside though at the bound, 5 %": _share(wrong, Verdict.OUTSIDE)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def conditional(rng, trials, n_essays):
    """False verdicts on a group 0.63 SD lower, at equal true score, of an exactly fair machine."""
    rows = []
    for reliability in (0.6, 0.7, 0.8, 0.9):
        for second in (True, False):
            wrong, within = [], []
            for _ in range(trials):
                group = rng.random(n_essays) < 0.2
                true = rng.normal(-0.63 * group, 1)
                error = np.sqrt(true.var() * (1 / reliability - 1))
                raters = true + rng.normal(0, error, (2, n_essays))
                machine = 0.8 * true + rng.normal(0, 0.4, n_essays)
                rating = raters[1] if second else None
                bias = conditional_bias(
                    raters[0], machine, group.astype(str), "False", second_rating=rating
                )
                verdict = bias.verdicts["verdict"].iloc[0]
                wrong.append(verdict in (ConditionalVerdict.TOO_LOW, ConditionalVerdict.TOO_HIGH))
                within.append(verdict == ConditionalVerdict.WITHIN)
            rows.append(
                {"reliability of H": reliability,
                 "second ratings": "yes" if second else "no, band 0.60 to 0.80",
                 "too low or too high, at most 5 %": np.mean(wrong), "within": np.mean(within)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def in_markdown(table):
    """A table in Markdown, rates in percent."""
    shown = table.copy()
    for column in table.select_dtypes(float):
        if column != "reliability of H":
            shown[column] = [
                f"{100 * v:.1f} %" if np.isfinite(v) else "no claim" for v in table[column]
            ]
    head = "| " + " | ".join(shown) + " |\n|" + "---|" * shown.shape[1]
    return "\n".join([head, *("| " + " | ".join(map(str, row)) + " |" for row in shown.values)])


def main(arguments=None):
    """Simulate, print, and with `--write` write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--essays", type=int, default=800)
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    start = perf_counter()
    sections = (comparisons, from_curve, new_prompts, shifts, two_trainings, conditional)
    rngs = np.random.default_rng(16).spawn(len(sections))
    tables = [
        section(rng, options.trials, options.essays)
        for section, rng in zip(sections, rngs, strict=True)
    ]
    minutes = (perf_counter() - start) / 60
    error = 100 * np.sqrt(0.05 * 0.95 / options.trials)
    text = TEXT.format(
        trials=options.trials, essays=options.essays, error=error, margin=MARGIN, bound=BOUND,
        curve=f"{', '.join(map(str, CURVE))} and {FULL}", difficulty=DIFFICULTY_SD,
        prompt_sd=PROMPT_SD,
        tables=[in_markdown(table) for table in tables],
    )  # fmt: skip
    print(f"{text}\n{minutes:.1f} min")
    if options.write:
        options.page.write_text(text, encoding="utf-8")
    return tables


TEXT = """\
# Do the intervals cover?

Generated by `python benchmarks/interval_coverage.py --write`: {trials:,} simulated studies a row,
of {essays:,} test essays each. The Monte Carlo standard error of a rate of 5 % is {error:.1f}
percentage points. All essays and scores are simulated, so that the truth is known; trainings and
draws of U change the standard deviation of a machine's error at random. A rate is for the
population that a report names.

## Differences in QWK between arms

The true difference over new draws is exactly minus the margin, {margin}. A 95 % interval should
cover the truth in 95 % of the studies, the one-sided lower bound should be above it in at most 5 %,
and *non-inferior* should be said in at most 5 %. With one draw, or one run on all labels, no claim
is made about new draws.

{tables[0]}

## Retention and human-label equivalent

The label-budget curve has {curve} human labels; cyborg data use 200 of
them. Half as many studies a row. Retention has an interval only where the gain of all labels is
significant, which selects studies: the last rate but one is of all of them.

{tables[1]}

## Differences for new prompts

Prompts differ in difficulty (SD {difficulty}) and in each arm's shift (SD {prompt_sd}), in score
points. The sizes of the prompts are those of published test sets. *Machines* of a file are compared
by a wild cluster bootstrap, *arms* with degrees of freedom that count unequal prompts as fewer.
Where three prompts hold nearly all essays, either interval is that of three prompts, and wide.

{tables[2]}

## SMD averaged over runs

The true SMD is exactly the bound, {bound}: each of the verdicts *within* and *outside* should be
given in at most 5 % of the studies.

{tables[3]}

## DSM of a subgroup, by two trainings on one draw

The true DSM over new trainings is exactly the bound, {bound}; in the last column it is 0. A fifth
of the essays are of the subgroup, whose shift differs between trainings.

{tables[4]}

## Conditional bias of an exactly fair machine

A fifth of the essays are of a group 0.63 standard deviations lower; the machine follows the true
score alike in both. *Too low* or *too high* would be wrong.

{tables[5]}
"""

if __name__ == "__main__":
    main()
