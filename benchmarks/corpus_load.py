"""How long a corpus of PARROT's size takes to load, and that a million rows stream in no memory.

    python benchmarks/corpus_load.py [ROWS]

Both on synthetic rows of PARROT's size, made from the bundled corpus. For comparison, side by side:
`datasets.load_dataset` and `pandas.read_json` on the same file, which only parse it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROWS = 2_738


def write_rows(path: Path, rows: int) -> None:
    """Rows of PARROT's size, about two kilobytes each, and all different.

    Each joins two or three texts of one language of the bundled corpus and takes every n-th word of
    them in turn, with another n in each round, so that no two rows are near copies.
    """
    from parrot_bench.resources import data_path

    text = data_path("mini", "mini.jsonl").read_text(encoding="utf-8")
    originals = [json.loads(line) for line in text.split("\n") if line.strip()]
    spoken: dict[str, list[dict[str, str]]] = {}
    for each in originals:
        spoken.setdefault(each["language"], []).append(each)
    with path.open("w", encoding="utf-8", newline="") as file:
        for number in range(rows):
            row, turn = dict(originals[number % len(originals)]), number // len(originals)
            others = spoken[row["language"]]
            parts = [row, *(others[(turn + i) % len(others)] for i in range(1 + (turn % 5 < 2)))]
            for name in ("report", "translation"):
                words = " ".join(each[name] for each in parts).split(" ")
                step = 1 + turn % 40
                turned = [word for start in range(step) for word in words[start::step]]
                row[name] = f"{' '.join(turned)} {number}"
            row["no"] = str(number)
            file.write(json.dumps(row, ensure_ascii=False) + "\r\n")


def peak() -> int:
    """Peak resident memory of this process in MiB, without what its parent had before it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def seconds(function: Callable[[], object], times: int = 5) -> float:
    """Median time of a call."""
    measured = []
    for _ in range(times):
        began = time.perf_counter()
        function()
        measured.append(time.perf_counter() - began)
    return median(measured)


def load(path: Path) -> None:
    """Time loading of one file."""
    import datasets
    import pandas as pd

    from parrot_bench.corpus import load_corpus
    from parrot_bench.vocabulary.icd10 import load_table

    datasets.disable_progress_bars()
    began = time.perf_counter()
    load_table()
    print(f"ICD-10-CM table                       {time.perf_counter() - began:8.3f} s")
    began = time.perf_counter()
    load_corpus(path)
    first = time.perf_counter() - began
    again = seconds(lambda: load_corpus(path))
    print(f"load_corpus, first time               {first:8.3f} s")
    print(f"load_corpus, clusters kept            {again:8.3f} s")
    parse = seconds(lambda: pd.read_json(path, lines=True, dtype=False))
    print(f"pandas.read_json (parsing only)       {parse:8.3f} s   ratio {again / parse:.1f}")
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        datasets.load_dataset("json", data_files=str(path), cache_dir=cache)
        arrow = time.perf_counter() - began
    print(f"datasets.load_dataset (parsing only)  {arrow:8.3f} s   ratio {again / arrow:.1f}")


STREAM = """
import sys
from benchmarks.corpus_load import peak
from parrot_bench.corpus import stream_reports
from parrot_bench.corpus.report import Report
n = sum(isinstance(each, Report) for each in stream_reports(sys.argv[1]))
print(n, peak())
"""


def stream(path: Path) -> None:
    """Time streaming and its peak memory, in a process of its own."""
    began = time.perf_counter()
    out = subprocess.run(
        [sys.executable, "-c", STREAM, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    ).stdout.split()
    took = time.perf_counter() - began
    print(f"stream_reports, {int(out[0]):>9,} rows       {took:8.1f} s   peak {out[1]} MiB")


def main() -> None:
    """Print all figures."""
    million = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reports.jsonl"
        write_rows(path, ROWS)
        print(f"{ROWS:,} rows, {path.stat().st_size / 2**20:.1f} MiB")
        load(path)
        for rows in (10_000, 100_000, million):
            write_rows(path, rows)
            stream(path)
            path.unlink()
    print(f"peak of this process: {peak()} MiB")


if __name__ == "__main__":
    main()
