"""Simulate how often intervals cover, and verdicts err, for the population that a sentence names.

    python benchmarks/interval_coverage.py --write          # docs/coverage.md, minutes on one core

Essays, raters and machines are simulated, so that the truth is known for every population: these
runs, this draw of U, new draws. Each design of draws and trainings is simulated many times.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from scipy import optimize, stats

from cyborg_utils.statistics.conditional_bias import ConditionalVerdict, conditional_bias
from cyborg_utils.statistics.contrasts import compare_arms
from cyborg_utils.statistics.hypothesis_tests import Verdict, equivalence_verdict
from cyborg_utils.statistics.replications import Runs, pool_replications, resample_runs
from cyborg_utils.statistics.standardized_differences import smd_with_error
from cyborg_utils.statistics.variance_components import ONCE, Population

PAGE = Path(__file__).resolve().parents[1] / "docs/coverage.md"
DESIGNS = [(1, 1), (1, 2), (2, 2), (3, 1), (3, 2), (5, 1)]  # draws, trainings of each
LABELS = np.arange(1, 7)
MARGIN, BOUND = 0.02, 0.10
HUMAN_SD, MACHINE_SD, DRAW_SD, SEED_SD = 0.5, 0.7, 0.05, 0.05  # of errors, and of MACHINE_SD's
SHIFT_DRAW, SHIFT_SEED = 0.04, 0.05  # standard deviations of a run's shift, in score points
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


def kappa_by_error(rng, n=200_000):
    """QWK in the population as a function of the standard deviation of the machine's error."""
    true, noise = rng.normal(3.4, 1, n), rng.normal(size=n)
    human = on_scale(true + rng.normal(0, HUMAN_SD, n))
    grid = np.linspace(0.3, 1.2, 19)
    kappas = []
    for sd in grid:
        machine = on_scale(true + sd * noise)
        covariance = np.cov(human, machine, ddof=0)
        gap = (machine.mean() - human.mean()) ** 2
        kappas.append(2 * covariance[0, 1] / (np.trace(covariance) + gap))
    return np.polynomial.Polynomial.fit(grid, kappas, 4)


def compare_once(rng, kappa, center, design, reference, n_essays):
    """One study: its comparison of cyborg data with a reference, and the truth by population."""
    n_draws, n_seeds = design
    u, teacher = rng.normal(0, DRAW_SD, (2, n_draws, 1))
    sds = {"cyborg": center + u + teacher + rng.normal(0, SEED_SD, (n_draws, n_seeds))}
    draws = {"cyborg": np.repeat(np.arange(n_draws), n_seeds)}
    given = {"cyborg": center + u + teacher}  # without the trainings
    if reference == "full":
        sds["reference"] = MACHINE_SD + rng.normal(0, SEED_SD, (1, n_seeds))
        draws["reference"], given["reference"] = np.repeat(ONCE, n_seeds), np.array([[MACHINE_SD]])
    else:
        sds["reference"] = MACHINE_SD + u + rng.normal(0, SEED_SD, (n_draws, n_seeds))
        draws["reference"], given["reference"] = draws["cyborg"], MACHINE_SD + u
    of_these = {name: kappa(sd).mean() for name, sd in sds.items()}
    of_this = {
        name: (kappa(sd[..., None] + SEED_SD * NODES) @ WEIGHTS).mean()
        for name, sd in given.items()
    }
    targets = {
        Population.NEW_DRAWS: -MARGIN,
        Population.ONE_FULL_RUN: -MARGIN + expected(kappa, MACHINE_SD, 0) - of_these["reference"],
        Population.THIS_DRAW: of_this["cyborg"] - of_this["reference"],
        Population.THESE_RUNS: of_these["cyborg"] - of_these["reference"],
    }
    true = rng.normal(3.4, 1, n_essays)
    human = on_scale(true + rng.normal(0, HUMAN_SD, n_essays))
    arms = {}
    for name, sd in sds.items():
        noise = rng.normal(size=(sd.size, n_essays)) * sd.reshape(-1, 1)
        seeds = np.tile(np.arange(n_seeds), sd.size // n_seeds)
        arms[name] = Runs(on_scale(true + noise), draws[name], seeds)
    resampled = resample_runs(human, arms, LABELS, 200, seed=int(rng.integers(2**31)))
    return compare_arms(resampled, "cyborg", "reference", MARGIN), targets


def expected(kappa, center, draw_sd):
    """The mean QWK over new draws and trainings."""
    return kappa(center + np.hypot(draw_sd, SEED_SD) * NODES) @ WEIGHTS


def comparisons(rng, trials, n_essays):
    """Coverage and errors of comparisons; the true difference over new draws is -MARGIN."""
    kappa, rows = kappa_by_error(rng), []
    for reference, ref_draw in (("human", DRAW_SD), ("full", 0.0)):
        target = expected(kappa, MACHINE_SD, ref_draw) - MARGIN
        center = optimize.brentq(
            lambda c, t=target: expected(kappa, c, np.sqrt(2) * DRAW_SD) - t, 0.5, 1.0
        )
        for design in DESIGNS:
            covered, above, claimed = [], [], []
            for _ in range(trials):
                result, truth = compare_once(rng, kappa, center, design, reference, n_essays)
                target = truth[result["population"]]
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
             "within though at the bound, 5 %": np.mean([v == Verdict.WITHIN for v in wrong]),
             "outside though at the bound, 5 %": np.mean([v == Verdict.OUTSIDE for v in wrong])}
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
    rng, start = np.random.default_rng(16), perf_counter()
    tables = [f(rng, options.trials, options.essays) for f in (comparisons, shifts, conditional)]
    minutes = (perf_counter() - start) / 60
    error = 100 * np.sqrt(0.05 * 0.95 / options.trials)
    text = TEXT.format(
        trials=options.trials, essays=options.essays, error=error, margin=MARGIN, bound=BOUND,
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

## SMD averaged over runs

The true SMD is exactly the bound, {bound}: each of the verdicts *within* and *outside* should be
given in at most 5 % of the studies.

{tables[1]}

## Conditional bias of an exactly fair machine

A fifth of the essays are of a group 0.63 standard deviations lower; the machine follows the true
score alike in both. *Too low* or *too high* would be wrong.

{tables[2]}
"""

if __name__ == "__main__":
    main()
