"""A run that is killed at any moment loses at most the batch in flight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from parrot_bench import cli
from parrot_bench.models.network.batching import CPU_GROUP

DRIVER = Path(__file__).with_name("kill_driver.py")


def test_twenty_runs_killed_at_random_moments_go_on_to_the_same_bytes(
    bert_folder: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, str(DRIVER), str(bert_folder), str(tmp_path), "20", "7"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[2])},
        check=True,
    )
    found = json.loads(done.stdout)
    runs = found["runs"]
    assert found["all"] == 70
    assert sum(run["killed"] for run in runs) >= 15, runs
    assert all(run["status"] == 0 and run["same"] for run in runs), (runs, done.stderr)
    # 70 reports are two groups of 32 and one of 6, each kept as a whole.
    assert CPU_GROUP == 32
    assert {run["kept"] for run in runs} <= {0, 32, 64, 70}, runs
    assert len({run["kept"] for run in runs}) > 1, runs
