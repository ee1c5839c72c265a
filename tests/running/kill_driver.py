"""Kills real runs at random moments and lets them go on; prints what came of each.

Arguments: a model folder, a folder to work in, how many runs, a seed. Every run is a process of its
own, forked after the slow imports, with a cache of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from parrot_bench import ModelOptions, evaluate, load_corpus, load_model
from parrot_bench.running.kept_answers import open_cache

MODEL, WORK, RUNS, SEED = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(1)
CORPUS = load_corpus("mini").select(languages=["pl", "de", "el", "ko", "zh", "fr", "it"])
OPTIONS = ModelOptions(device="cpu", allow_truncation=True)


def run(folder: Path, progress: Callable[[str, int, int], object]) -> None:
    """One run in this process."""
    os.environ["PARROT_BENCH_CACHE"] = str(folder / "cache")
    model = load_model(f"hf:{MODEL}", options=OPTIONS)
    evaluate(model, "region", CORPUS, out=folder / "runs", progress=progress)


def start(folder: Path) -> tuple[int, int]:
    """Start a run in a process of its own; a byte comes out of the pipe for every answer."""
    out, into = os.pipe()
    child = os.fork()
    if child:
        os.close(into)
        return child, out
    os.close(out)
    try:
        run(folder, lambda *_: os.write(into, b"."))
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.stderr.flush()
        os._exit(1)


def ended(child: int, out: int) -> int:
    """Status of a process that has ended."""
    while os.read(out, 4096):
        pass
    os.close(out)
    return os.waitpid(child, 0)[1]


def digests(folder: Path) -> dict[str, str]:
    """Content of the tables of the one run in a folder."""
    (run,) = (folder / "runs").iterdir()
    names = ("predictions.parquet", "results.parquet")
    return {each: hashlib.sha256((run / each).read_bytes()).hexdigest() for each in names}


def kept(folder: Path) -> int:
    """Answers in the cache."""
    if not (folder / "cache" / "answers.sqlite").exists():
        return 0
    with open_cache(folder / "cache" / "answers.sqlite") as cache:
        return sum(each.answers for each in cache.kept())


def main() -> None:
    """Run once without a kill, then kill and go on."""
    run(WORK / "whole", lambda *_: None)  # in this process: what it imports, no child has to
    expected = digests(WORK / "whole")
    draw = random.Random(SEED)  # noqa: S311
    outcomes = []
    for number in range(RUNS):
        folder = WORK / str(number)
        child, out = start(folder)
        for _ in range(draw.randrange(len(CORPUS) + 2)):
            os.read(out, 1)
        time.sleep(draw.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
        killed = os.WIFSIGNALED(ended(child, out))
        outcome = {"killed": killed, "kept": kept(folder), "status": ended(*start(folder))}
        outcomes.append(outcome | {"same": digests(folder) == expected})
    sys.stdout.write(json.dumps({"all": kept(WORK / "whole"), "runs": outcomes}))


if __name__ == "__main__":
    main()
