"""Do prediction-powered intervals cover, and how many human scores do machines save?

    python benchmarks/prediction_powered_coverage.py \\
        ../shared/data/predictions/persuade_test_predictions.csv.gz --write

Human scores are drawn again and again from the file of six published machines, in which all essays
have one, and the whole file's value is estimated from the draw; and from a simulated population.
It writes docs/prediction-powered.md, in ten minutes on one core.
"""

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from cyborg_utils.statistics.augmented_means import EssayPopulation
from cyborg_utils.statistics.prediction_powered import EVERYONE, prediction_powered

PAGE = Path(__file__).resolve().parents[1] / "docs/prediction-powered.md"
MACHINES = ("longformer", "longformer_grl", "roberta", "roberta_grl", "xlnet", "xlnet_grl")
LABELS = range(1, 7)
SIZES = (100, 300, 1000)
KEY = ["attribute", "level", "statistic"]
SHOWN = {
    "mean_human": "human mean", "share": "share of a score", "qwk": "QWK", "exact": "exact",
    "adjacent": "adjacent", "smd": "SMD", "dsm": "DSM",
}  # fmt: skip
GROUP = "ell"


def on_scale(scores):
    return np.clip(np.rint(scores), 1, 6)


def published(file):
    """The essays of the published file that have all scores."""
    frame = pd.read_csv(file).dropna(subset=["holistic_essay_score", *MACHINES])
    frame = frame.reset_index(drop=True)
    group = frame["ell_status"].fillna("unknown").astype("category")
    return frame[list(MACHINES)].assign(truth=frame["holistic_essay_score"], ell=group)


def simulated(rng, size, error):
    """True scores, an eighth of the essays in a group, a machine with this error, and noise."""
    group = rng.random(size) < 0.125
    true = rng.normal(3.4 - 0.6 * group, 1)
    frame = pd.DataFrame({"truth": on_scale(true + rng.normal(0, 0.5, size))})
    frame["machine"] = true + rng.normal(0, error, size) if error else rng.normal(3.4, 1, size)
    return frame.assign(ell=pd.Categorical(np.where(group, "Yes", "No")))


def draw(rng, frame, n, group_aware):
    """Whose essays people score, and with what probability each was drawn."""
    share = np.full(len(frame), n / len(frame))
    if group_aware:  # half of the scores are shared equally by the levels
        sizes = frame["ell"].astype(str).map(frame["ell"].value_counts())
        share = share / 2 + n / 2 / frame["ell"].nunique() / sizes.to_numpy(dtype=float)
        return rng.random(len(frame)) < share, share
    return rng.permutation(len(frame)) < n, share


def estimate_once(rng, frame, machine, n, group_aware, population):
    """One draw and its table of estimates."""
    scored, share = draw(rng, frame, n, group_aware)
    sample = pd.DataFrame(
        {"human": frame["truth"].where(scored), "continuous": frame[machine], "p": share,
         "machine": on_scale(frame[machine]), "ell": frame["ell"] == "Yes"}
    )  # fmt: skip
    return prediction_powered(
        sample, ["ell"], labels=LABELS, continuous="continuous",
        probability="p" if group_aware else None, population=population,
    )  # fmt: skip


def truths(frame, machine):
    """The values of all essays."""
    sample = frame.assign(human=frame["truth"], continuous=frame[machine])
    sample["machine"] = on_scale(frame[machine])
    sample["ell"] = frame["ell"] == "Yes"
    table = prediction_powered(sample, ["ell"], labels=LABELS, continuous="continuous")
    return table.set_index(KEY)["estimate"].rename("value")


def summarize(table):
    """Coverage, bias and precision by statistic, from the estimates of all draws."""
    table = table[(table["level"] == EVERYONE) | (table["level"] == "True")].copy()
    table["statistic"] = table["statistic"].where(
        ~table["statistic"].str.startswith("share_"), "share"
    )
    table = table[table["statistic"].isin(list(SHOWN))]
    table["covered"] = (table["low"] <= table["value"]) & (table["value"] <= table["high"])
    table["classical_covered"] = (table["classical_low"] <= table["value"]) & (
        table["value"] <= table["classical_high"]
    )
    for name, column in (("error", "estimate"), ("classical_error", "classical")):
        table[name] = table[column] - table["value"]
    rows = []
    for (level, statistic), part in table.groupby(["level", "statistic"], sort=False):
        part = part.dropna(subset=["estimate", "low", "classical_low"])
        squared = (part[["error", "classical_error"]] ** 2).sum()
        rows.append(
            {"of": "all essays" if level == EVERYONE else "ELL", "statistic": SHOWN[statistic],
             "human scores": round(part["n"].mean()), "coverage": part["covered"].mean(),
             "classical": part["classical_covered"].mean(), "bias": part["error"].mean(),
             "±": part["error"].std() / np.sqrt(len(part)),
             "variance ratio": squared["classical_error"] / squared["error"],
             "as estimated": (part["label_equivalents"] / part["n"]).median()}
        )  # fmt: skip
    return pd.DataFrame(rows)


def of_published(frame, trials):
    """Tables of the published machines, by kind of draw and number of human scores."""
    tables = {}
    values = {machine: truths(frame, machine) for machine in MACHINES}
    for group_aware in (False, True):
        for n in SIZES:
            found = []
            for i, machine in enumerate(MACHINES):
                for trial in range(trials):
                    rng = np.random.default_rng([trial, i, n, group_aware])
                    table = estimate_once(
                        rng, frame, machine, n, group_aware, EssayPopulation.THESE_ESSAYS
                    )
                    found.append(table.join(values[machine], on=KEY))
            tables[group_aware, n] = summarize(pd.concat(found))
    return tables


def of_simulated(trials):
    """New samples of essays each time: the population's value, with good and useless machines."""
    rows = []
    for name, error in (("good", 0.4), ("fair", 0.9), ("noise", None)):
        value = truths(simulated(np.random.default_rng(1), 300_000, error), "machine")
        found = []
        for trial in range(trials):
            rng = np.random.default_rng([trial, 99])
            frame = simulated(rng, 2000, error)
            table = estimate_once(rng, frame, "machine", 200, False, EssayPopulation.NEW_ESSAYS)
            found.append(table.join(value, on=KEY))
        table = summarize(pd.concat(found))
        rows.append(table[table["of"] == "all essays"].assign(of=name))
    return pd.concat(rows).rename(columns={"of": "machine"}).drop(columns="human scores")


def in_markdown(table):
    """A table in Markdown: rates in per cent, ratios with two decimals."""
    forms = {"coverage": "{:.1%}", "classical": "{:.1%}", "bias": "{:+.4f}", "±": "{:.4f}"}
    forms |= {"variance ratio": "{:.2f}", "as estimated": "{:.2f}"}
    shown = table.apply(lambda c: c.map(forms.get(c.name, "{}").format))
    head = "| " + " | ".join(shown) + " |\n|" + "---|" * shown.shape[1]
    return "\n".join([head, *("| " + " | ".join(row) + " |" for row in shown.to_numpy())])


def main(arguments=None):
    """Draw, estimate, print, and with `--write` write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--trials", type=int, default=100, help="draws of each machine")
    parser.add_argument("--write", action="store_true", help="write the page")
    parser.add_argument("--page", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    start, frame = perf_counter(), published(options.file)
    tables, made_up = of_published(frame, options.trials), of_simulated(3 * options.trials)
    minutes = (perf_counter() - start) / 60
    parts = [
        HEAD.format(n=n, draw="group-aware" if aware else "random") + in_markdown(table)
        for (aware, n), table in tables.items()
    ]
    trials = options.trials * len(MACHINES)
    text = TEXT.format(
        essays=len(frame), trials=trials, simulated=3 * options.trials, tables="\n\n".join(parts),
        error=100 * np.sqrt(0.05 * 0.95 / trials), made_up=in_markdown(made_up),
    )  # fmt: skip
    print(f"{text}\n{minutes:.1f} min")
    if options.write:
        options.page.write_text(text, encoding="utf-8")
    return tables, made_up, text


HEAD = """\
### {n:,} human scores, {draw} draw

"""
TEXT = """\
# How many human scores do machine scores save?

Generated by `python benchmarks/prediction_powered_coverage.py FILE --write`. The file has
{essays:,} essays of PERSUADE 2.0 with a human score and the scores of six published machines
(`params/predictions.yaml`). Human scores of some essays were drawn at random, {trials} times in
each table, for each machine as often; `prediction_powered` estimated from them, and from the
machine's scores of all essays, what the human scores of *all* essays say.

- *coverage*: how often a 95 % interval contains the value of all essays; *classical*: that of the
  human-scored essays alone, by the same method. The Monte Carlo standard error of 95 % is
  {error:.1f} percentage points.
- *bias*: mean estimate minus value; *±* is its Monte Carlo standard error.
- *variance ratio*: mean squared error of the classical estimate over that of the
  prediction-powered one, the factor by which the machine multiplies the human scores. *As
  estimated*: what the result of one draw says of it (`label_equivalents` / `n`, median).
- A *group-aware draw* gives half of the human scores to all essays alike and half to the levels of
  English learner status in equal parts; each essay is drawn independently, with its known
  probability. ELL are the English learners.

The human mean gains most, then the shares of the scores: a program that must report a score
distribution can have many fewer essays scored by people. A machine's own QWK, SMD and DSM gain
less, for a machine's scores do not tell its errors, and adjacent agreement gains nothing. Where
few essays of a subgroup are scored by people, the interval of its QWK covers too rarely, classical
or not: see ELL in the first table. Estimates of subgroups are for 30 human scores or more, which a
group-aware draw provides.

## Six published machines

{tables}

## Simulated essays

Another sample of 2,000 simulated essays each of {simulated} times, 200 of them with human scores;
the value is that of the population. The error of the *good* machine is 0.4, that of the *fair* one
0.9 standard deviations of the true score; the scores of *noise* have nothing to do with the essays.

{made_up}
"""

if __name__ == "__main__":
    main()
