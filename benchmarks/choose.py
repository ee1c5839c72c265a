"""Time scores of labels after prompts beside lm-evaluation-harness and one bare prefill.

    python benchmarks/choose.py [--peer PYTHON] [--shapes tiny small] [--repeats 5] [--threads 2]

The same random GPT-2-shaped networks, prompts and labels go through lm-evaluation-harness 0.4.13,
in an environment of its own, and through the scorer of "choose". The runs alternate and the medians
are compared, from texts to log-likelihoods. The bare prefill reads the same tokens and nothing
else: no labels, no tokenising. Of several batch sizes the peer gets its fastest. Without `--peer`
an environment is made in a temporary folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from parrot_bench.corpus import load_corpus
from parrot_bench.models.choose.causal_scorer import TreeScorer
from parrot_bench.models.choose.label_tokens import LabelTokens
from parrot_bench.models.choose.questions import LabelQuestion, beginning
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.network.batching import prefill_budget
from parrot_bench.models.network.chat import encode
from parrot_bench.models.network.loaded import Loaded, load
from parrot_bench.models.options import ModelOptions

LABELS = 14
SPREAD = 0.08
"""Standard deviation of the random weights: as they come, all labels are about as likely."""
INSTRUCTION = (
    "You are a radiologist. Read the following radiology report and name what it is about. Use "
    "only one of the labels that you were given, written exactly as given.\n\nReport:\n"
)
QUESTION = "\n\nAnswer:"


class Shape(NamedTuple):
    """A GPT-2 shape, its vocabulary, and how many prompts have labels of one and three tokens."""

    layers: int
    width: int
    heads: int
    vocabulary: int
    prompts: dict[int, int]


SHAPES = {
    "tiny": Shape(2, 64, 4, 4000, {1: 48, 3: 48}),
    "small": Shape(6, 384, 6, 50257, {1: 12, 3: 12}),
    "gpt2": Shape(12, 768, 12, 50257, {1: 12, 3: 12}),
}
TRIED = 2
"""Prompts that each batch size of the peer is tried with."""
PEER = """
import json, logging, sys, time
import torch
torch.set_num_threads(int(sys.argv[2]))
logging.disable(logging.CRITICAL)
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
folder = sys.argv[1]
models = {
    size: HFLM(pretrained=folder, device="cpu", dtype="float32", batch_size=size)
    for size in ("1", "8", "auto")
}
for line in sys.stdin:
    asked = json.loads(line)
    requests = [
        Instance("loglikelihood", {}, (prompt, label), at)
        for at, (prompt, label) in enumerate(
            (prompt, label) for prompt in asked["prompts"] for label in asked["labels"]
        )
    ]
    began = time.perf_counter()
    found = models[asked["batch"]].loglikelihood(requests, disable_tqdm=True)
    seconds = time.perf_counter() - began
    print("ANSWER", json.dumps([seconds, [value for value, _ in found]]), flush=True)
"""


class Peer:
    """lm-evaluation-harness in a process of its own."""

    def __init__(self, python: str, folder: Path, threads: int) -> None:
        """Start it and load the network."""
        self._process: Any = subprocess.Popen(
            [python, "-c", PEER, str(folder), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(
        self, prompts: Sequence[str], labels: Sequence[str], batch: str
    ) -> tuple[float, list[float]]:
        """Seconds and log-likelihoods, prompt by prompt."""
        question = {"prompts": list(prompts), "labels": list(labels), "batch": batch}
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                seconds, found = json.loads(line.removeprefix("ANSWER "))
                return seconds, found
        raise RuntimeError("lm-evaluation-harness stopped.")

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def environment(python: str | None) -> Iterator[str]:
    """The interpreter of an environment that holds the peer; a new one where none is given."""
    if python:
        yield python
        return
    with tempfile.TemporaryDirectory() as folder:
        made = f"{folder}/venv/bin/python"
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        names = ["lm-eval[hf]==0.4.13", f"torch=={torch.__version__.partition('+')[0]}"]
        subprocess.run([made, "-m", "pip", "install", "--quiet", *names], check=True)
        yield made


def save_model(folder: Path, shape: Shape, kind: str = "GPT2LMHeadModel", **more: Any) -> None:
    """A random network of a shape and kind, and a byte-level BPE trained on the bundled corpus."""
    import transformers
    from tokenizers import ByteLevelBPETokenizer

    trained: Any = ByteLevelBPETokenizer()
    texts = [report.text for report in load_corpus("mini").reports()]
    trained.train_from_iterator(
        texts, vocab_size=4000, special_tokens=["<|endoftext|>"], show_progress=False
    )
    special: Any = dict.fromkeys(("bos_token", "eos_token"), "<|endoftext|>")
    tokenizer: Any = transformers.PreTrainedTokenizerFast
    tokenizer(tokenizer_object=trained._tokenizer, **special).save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.GPT2Config(
        vocab_size=shape.vocabulary,
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        n_positions=1024,
        bos_token_id=0,
        eos_token_id=0,
        **more,
    )
    network = getattr(transformers, kind)(config)
    for weights in network.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=SPREAD)
    with quiet():
        network.save_pretrained(folder)


def make_prompts(tokenizer: Any, number: int) -> list[str]:
    """Prompts of 200 to 400 tokens that begin with the same instruction."""
    words = [report.text for report in load_corpus("mini").reports()]
    around = len(encode(tokenizer, [INSTRUCTION + QUESTION])[0])
    found = []
    for at in range(number):
        text = "\n".join((words[at:] + words[:at])[:8])
        wanted = 200 + at * 200 // max(1, number - 1) - around - 4
        ids = encode(tokenizer, [text])[0][:wanted]
        found.append(INSTRUCTION + tokenizer.decode(ids).strip("�") + QUESTION)
    return found


def make_labels(tokenizer: Any, prompts: Sequence[str], size: int) -> list[str]:
    """Labels of exactly so many tokens after every prompt: words of the vocabulary in a row."""
    words = [
        token.replace("Ġ", " ")
        for token in sorted(tokenizer.get_vocab())
        if token.startswith("Ġ") and len(token) > 5 and token[1:].isascii() and token[1:].isalpha()
    ]
    found = ["".join(words[at * size : (at + 1) * size]) for at in range(LABELS)]
    for prompt in prompts:
        bare, *rows = encode(tokenizer, [prompt, *(prompt + label for label in found)])
        if any(row[: len(bare)] != bare or len(row) - len(bare) != size for row in rows):
            raise ValueError(f"A label is not {size} tokens long.")
    return found


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of one run, and what it gave."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def ours(
    scorer: TreeScorer, tokens: LabelTokens, prompts: Sequence[str], labels: Sequence[str]
) -> list[float]:
    """Log-likelihoods, prompt by prompt, from texts on: what "choose" does for a group of items."""
    read = tokens.read(prompts, [tuple(labels)] * len(prompts))
    shared = len(beginning([row for row, _ in read]))
    found = scorer.score([LabelQuestion(row, trie, shared) for row, trie in read])
    return [value for each in found for value in each]


def make_scorer(loaded: Loaded) -> TreeScorer:
    """A scorer that has read nothing yet."""
    return TreeScorer(loaded, prefill_budget("cpu"), "random")


def bare(loaded: Loaded, rows: Sequence[Sequence[int]]) -> None:
    """One prefill of the same tokens in the same batches, logits at the last position only."""

    def answer(batch: list[int]) -> list[None]:
        width = max(len(rows[at]) for at in batch)
        ids = torch.tensor([[*rows[at], *[1] * (width - len(rows[at]))] for at in batch])
        with torch.inference_mode():
            loaded.network(input_ids=ids, use_cache=False, logits_to_keep=1)
        return [None] * len(batch)

    prefill_budget("cpu").run([len(row) for row in rows], answer)


def compare(name: str, shape: Shape, python: str, repeats: int) -> None:
    """Print the figures of one shape."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        save_model(folder, shape)
        loaded = load(resolve(f"hf:{folder}"), "causal", ModelOptions(device="cpu"))
        print(
            f"{name}: {shape.layers} layers x {shape.width}, vocabulary {shape.vocabulary:,}, "
            f"{LABELS} labels"
        )
        peer = Peer(python, folder, torch.get_num_threads())
        for size, number in shape.prompts.items():
            prompts = make_prompts(loaded.tokenizer, number)
            rows = encode(loaded.tokenizer, prompts)
            labels = make_labels(loaded.tokenizer, prompts, size)
            some = prompts[:: number // TRIED]
            tried = {each: peer.ask(some, labels, each)[0] for each in ("1", "8", "auto")}
            batch = min(tried, key=tried.__getitem__)
            seconds: dict[str, list[float]] = {"peer": [], "ours": [], "bare": []}
            apart = 0.0
            # The peer has warmed up then.
            ours(make_scorer(loaded), LabelTokens(loaded.tokenizer), some, labels)
            bare(loaded, rows)
            for _ in range(repeats):
                # New ones, so that nothing is known from the last time; loading is not timed.
                scorer, tokens = make_scorer(loaded), LabelTokens(loaded.tokenizer)
                asked, expected = peer.ask(prompts, labels, batch)
                spent, found = timed(partial(ours, scorer, tokens, prompts, labels))
                alone, _ = timed(partial(bare, loaded, rows))
                for key, each in (("peer", asked), ("ours", spent), ("bare", alone)):
                    seconds[key].append(each)
                gaps = (abs(a - b) for a, b in zip(found, expected, strict=True))
                apart = max(apart, *gaps)
            peers, own, least = (statistics.median(each) for each in seconds.values())
            kind = f"{size} token{'s' * (size > 1)}"
            print(
                f"  labels of {kind}, {number} prompts of {min(map(len, rows))} to "
                f"{max(map(len, rows))} tokens, {scorer.how}"
            )
            title = f"lm-evaluation-harness, batch {batch}"
            print(f"    {title:<34} {peers:8.3f} s   ratio {peers / own:.1f}")
            print(f"    choose                             {own:8.3f} s")
            print(
                f"    bare prefill                       {least:8.3f} s   ratio {own / least:.2f}"
            )
            print(f"    largest difference                 {apart:8.1e}")
        peer.stop()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", help="python of an environment with lm-eval 0.4.13")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=["tiny", "small"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, help="of either program")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    with environment(chosen.peer) as python:
        print(f"threads: {chosen.threads}, medians of {chosen.repeats} runs in turn")
        for name in chosen.shapes:
            compare(name, SHAPES[name], python, chosen.repeats)


if __name__ == "__main__":
    main()
