"""Time estimates and 10,000 resamples beside scipy and lm-evaluation-harness.

    python benchmarks/bootstrap.py [--lm-eval]

The reports, the metric (macro-F1 over 11 labels) and the number of resamples are the same for all.
`--lm-eval` installs lm-evaluation-harness 0.4.13 without its dependencies in an environment of its
own and times its bootstrap_stderr on a tenth of the resamples, times ten.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from simulation import Setting, ability, answers, as_pairs, design, gold_labels, label_sets

from parrot_bench.corpus import load_corpus
from parrot_bench.running.results import results_frame
from parrot_bench.running.sheets import Sheet
from parrot_bench.scoring.comparisons.resampling import report_values, resample
from parrot_bench.scoring.contract import Metric
from parrot_bench.scoring.estimates.design import Design, make_design
from parrot_bench.scoring.estimates.measured import macro, measure_pairs
from parrot_bench.scoring.estimates.tabulation import Pairs, make_pairs
from parrot_bench.scoring.metrics.label_sets import MicroF1
from parrot_bench.scoring.metrics.per_label import MacroF1
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.registry import get_task

SETTING = Setting(11, 0.85, 0.1)
RESAMPLES = 10_000
MILLION = 1_000_000
LM_EVAL = """
import json, os, sys, time
os.environ["DISABLE_MULTIPROC"] = "1"
from lm_eval.api.metrics import bootstrap_stderr
from sklearn.metrics import f1_score
pairs = json.load(open(sys.argv[1]))
def macro_f1(items):
    return f1_score([a for a, _ in items], [b for _, b in items], average="macro")
began = time.perf_counter()
bootstrap_stderr(macro_f1, pairs, int(sys.argv[2]))
print("SECONDS", time.perf_counter() - began)
"""


def timed(work: Callable[[], object], repeats: int = 5) -> float:
    """Least seconds of several runs."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def scipy_bootstrap(gold: np.ndarray, said: np.ndarray) -> None:
    """Report-level percentile bootstrap of macro-F1, vectorised, 500 resamples at a time."""
    from scipy.stats import bootstrap

    size = SETTING.labels
    cell = gold * size + said

    def macro_f1(rows: np.ndarray, axis: int = -1) -> np.ndarray:  # noqa: ARG001
        flat = cell[rows].reshape(-1, rows.shape[-1])
        offset = np.arange(len(flat))[:, None] * size * size
        counts = np.bincount((flat + offset).ravel(), minlength=len(flat) * size * size)
        matrix = counts.reshape(len(flat), size, size)
        hits = np.einsum("nii->ni", matrix)
        f1 = 2 * hits / np.maximum(matrix.sum(1) + matrix.sum(2), 1)
        return np.asarray(f1.mean(axis=1).reshape(rows.shape[:-1]))

    bootstrap(
        (np.arange(len(cell)),),
        macro_f1,
        n_resamples=RESAMPLES,
        batch=500,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    )


def lm_eval_seconds(gold: np.ndarray, said: np.ndarray) -> float:
    """Seconds of lm-evaluation-harness for all resamples, from a tenth of them."""
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        others = ["numpy", "scikit-learn", "sacrebleu", "tqdm"]
        for names in (["--no-deps", "lm_eval==0.4.13"], others):
            subprocess.run([*pip, *names], check=True, capture_output=True)
        pairs = Path(folder, "pairs.json")
        pairs.write_text(json.dumps(list(zip(gold.tolist(), said.tolist(), strict=True))))
        done = subprocess.run(
            [python, "-c", LM_EVAL, str(pairs), str(RESAMPLES // 10)],
            check=True,
            capture_output=True,
            text=True,
        )
    return 10 * float(done.stdout.rsplit("SECONDS", 1)[1])


def every_metric(reports: Design) -> None:
    """All measures of the three bundled tasks, from label tuples to the frame of results."""
    generator = np.random.default_rng(3)
    corpus = load_corpus("mini")
    predictions = []
    for name in ("modality", "region", "icd_coding"):
        task = get_task(name)
        labels = task.labels(corpus)
        chance = np.sort(generator.random(len(labels)) ** 4)[::-1]
        sheet, found = [], []
        for at, report in enumerate(reports.ids):
            count = 1 if task.kind == "single-label" else 1 + int(generator.poisson(1.5))
            drawn = generator.choice(len(labels), (2, count), p=chance / chance.sum())
            gold, wrong = (tuple(dict.fromkeys(labels.ids[k] for k in row)) for row in drawn)
            author = str(reports.contributor[at])
            language = reports.languages[int(reports.language[at])]
            sheet.append(Item(report, "", gold, language, author, language))
            scores = dict.fromkeys(labels.ids[:50], 0.5) | dict.fromkeys(wrong, 1.0)
            said = gold if generator.random() < 0.6 else wrong
            found.append(Prediction(report, said, scores))
        predictions.append((Sheet(task, labels, "original", tuple(sheet), {}), found))
    began = time.perf_counter()
    frame = results_frame(predictions)
    seconds = time.perf_counter() - began
    measures = frame[["task", "metric"]].drop_duplicates()
    print(f"all {len(measures)} measures of the three tasks       {seconds:8.2f} s")


def million() -> None:
    """A million reports from label tuples to every estimate."""
    generator = np.random.default_rng(5)
    names = SETTING.names
    where = generator.integers(0, 14, MILLION)
    gold = generator.choice(11, MILLION, p=SETTING.prevalence)
    said = np.where(generator.random(MILLION) < 0.85, gold, generator.integers(0, 11, MILLION))
    ids = [f"r{i:07}" for i in range(MILLION)]
    languages = [f"l{i:02}" for i in where.tolist()]
    authors = [
        f"l{i:02}-{a}" for i, a in zip(where, generator.integers(0, 6, MILLION), strict=True)
    ]
    wanted = [names[i : i + 1] for i in gold.tolist()]
    answered = [names[i : i + 1] for i in said.tolist()]
    began = time.perf_counter()
    reports = make_design(ids, languages, authors)
    pairs = make_pairs(wanted, answered, reports.order)
    found = measure_pairs(MacroF1(names), pairs, reports)
    for figure in (*found.languages.values(), found.pooled, macro(found)):
        found.estimate(figure)
    print(f"a million reports, every estimate        {time.perf_counter() - began:8.2f} s")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lm-eval", action="store_true", help="also time lm-evaluation-harness")
    chosen = parser.parse_args()
    reports, generator = design(), np.random.default_rng(1)
    gold = gold_labels(reports, SETTING, generator)
    chance = ability(reports, SETTING, generator)
    said = answers(gold, chance, generator.random(len(reports)), SETTING, generator)
    pairs, metric = as_pairs(gold, said, SETTING.names), MacroF1(SETTING.names)

    def estimates() -> None:
        found = measure_pairs(metric, pairs, reports)
        for figure in (*found.languages.values(), found.pooled, macro(found)):
            found.estimate(figure)

    sets = Setting(22, 0.85, 0.1)
    codes = label_sets(reports, chance, sets, generator)

    def by_contributor(pairs: Pairs, metric: Metric) -> None:
        shared = resample(reports, RESAMPLES, 0)
        drawn = [
            shared.values(pairs.table(metric, reports.rows(name)), name)
            for name in reports.languages
        ]
        np.mean(drawn, axis=0)

    def by_report() -> None:
        report_values(pairs.table(metric, reports.rows()), RESAMPLES, 0)

    print(f"{len(reports):,} reports, {len(reports.languages)} languages, macro-F1 over 11 labels")
    print(f"intervals: every language, macro, pooled {timed(estimates):8.3f} s")
    print(f"{RESAMPLES:,} resamples of contributors, every language and macro")
    for title, of, measured in (
        ("macro-F1, 11 labels", pairs, metric),
        ("micro-F1 of code sets", codes, MicroF1()),
        ("macro-F1 of code sets, 22 labels", codes, MacroF1(sets.names)),
    ):
        seconds = timed(partial(by_contributor, of, measured))
        print(f"  {title:<38} {seconds:8.3f} s")
    ours = timed(by_report)
    theirs = timed(lambda: scipy_bootstrap(gold, said), 3)
    print(f"{RESAMPLES:,} resamples of reports, pooled  {ours:8.3f} s")
    print(f"  scipy.stats.bootstrap, batch 500       {theirs:8.3f} s   ratio {theirs / ours:.1f}")
    if chosen.lm_eval:
        slow = lm_eval_seconds(gold, said)
        print(f"  lm-evaluation-harness bootstrap_stderr {slow:8.3f} s   ratio {slow / ours:.0f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory up to here                   {peak:8.0f} MiB")
    every_metric(reports)
    million()


if __name__ == "__main__":
    main()
