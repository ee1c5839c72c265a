"""Embedding by all-MiniLM-L6-v2 beside sentence-transformers, in an environment of its own.

    python benchmarks/embed.py [--peer PYTHON] [--threads N] [--repeats N]

The environment is that of --peer, or one that is made for the purpose. The peer gets its fastest of
a few batch sizes; runs take turns, and the medians are compared. On a machine that does other work,
--threads 1 counts the processor's seconds instead of those of the clock.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from side_by_side import BATCHES, compare, minilm, reports

from parrot_bench.models.embed.model import EmbeddingModel
from parrot_bench.models.hub.source import resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.item import Item

PEER = """
import json, sys, time
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
folder, out, batch, threads = sys.argv[1:5]
texts = json.load(sys.stdin)
torch.set_num_threads(int(threads))
clock = time.process_time if threads == "1" else time.perf_counter
model = SentenceTransformer(folder, device="cpu")
model.encode(texts[:32], batch_size=int(batch))
began = clock()
found = model.encode(texts, batch_size=int(batch))
print(clock() - began)
np.save(out, found)
"""


def embed(python: Path, items: list[Item], repeats: int) -> None:
    """Embedding beside sentence-transformers."""
    model = EmbeddingModel(resolve(f"hf:{minilm()}"), ModelOptions(device="cpu"))
    texts = [item.text for item in items]
    print(f"  {len(items)} reports")

    def ours() -> Any:
        encoder = model.encoder
        groups = [texts[i : i + encoder.group] for i in range(0, len(texts), encoder.group)]
        return np.concatenate([encoder.embed(group, "").vectors.numpy() for group in groups])

    def theirs(batch: int) -> Any:
        with tempfile.TemporaryDirectory() as place:
            out = Path(place) / "found.npy"
            run = subprocess.run(
                [python, "-c", PEER, minilm(), out, str(batch), str(torch.get_num_threads())],
                input=json.dumps(texts),
                check=True,
                capture_output=True,
                text=True,
            )
            return float(run.stdout.split()[-1]), np.load(out)

    compare(ours, {str(size): partial(theirs, size) for size in BATCHES}, repeats)


def peer_python(folder: Path) -> Path:
    """Interpreter of a new environment that holds sentence-transformers."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = ["sentence-transformers", f"torch=={torch.__version__.partition('+')[0]}"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def main() -> None:
    """Print the comparison."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peer", type=Path, help="interpreter that has sentence-transformers")
    options.add_argument("--threads", type=int, help="1 to count processor seconds instead")
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as place:
        print("all-MiniLM-L6-v2")
        python = given.peer or peer_python(Path(place) / "peer")
        embed(python, reports(256), given.repeats)


if __name__ == "__main__":
    main()
