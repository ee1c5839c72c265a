"""Our ICD-10-CM table beside the library that it is made from, each in a process of its own.

python benchmarks/icd10_load.py
"""

from __future__ import annotations

import subprocess
import sys
from statistics import median

MEASURE = """
import resource, time
{0}
began = time.perf_counter()
{1}
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
WAYS = {
    "parrot_bench.vocabulary.icd10.load_table": (
        "from parrot_bench.vocabulary.icd10 import load_table",
        "load_table()",
    ),
    "import simple_icd_10_cm": ("", "import simple_icd_10_cm"),
}


def main() -> None:
    """Print both and their ratio."""
    found = {}
    for name, code in WAYS.items():
        runs = [
            subprocess.run(
                [sys.executable, "-c", MEASURE.format(*code)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
            for _ in range(5)
        ]
        found[name] = median(float(run[0]) for run in runs)
        memory = median(float(run[1]) for run in runs)
        print(f"{name:<40} {found[name]:6.3f} s  peak {memory:5.0f} MiB")
    ours, theirs = found.values()
    print(f"ratio {theirs / ours:.1f}")


if __name__ == "__main__":
    main()
