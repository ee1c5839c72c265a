"""Zero-shot classification by entailment beside the pipeline of transformers, in one process.

    python benchmarks/entail.py [--networks NAME ...] [--threads N] [--repeats N]

The GPT-2-shaped networks, prompts and labels are those of `choose.py`, with an inference head; the
BERT-shaped ones are asked about the modality of bundled reports. All weights are random. The peer
gets its fastest of a few batch sizes; runs take turns, and the medians are compared. For an encoder
the limit is printed too: linear layers and attention alone, as torch calls them, over the same
tokens without padding. Left out are the last layer, of which only the first token is needed, and
the first layer's query, key, value and attention, most of which a report's pairs could share.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from choose import SHAPES, make_labels, make_prompts, save_model
from side_by_side import BATCHES, compare, minilm, reports, timed

from parrot_bench.corpus import load_corpus
from parrot_bench.models.entail.model import EntailmentModel
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.prompts import hypothesis
from parrot_bench.task.registry import get_task

OUTPUTS = ("contradiction", "neutral", "entailment")
NAMED: dict[str, Any] = {
    "id2label": dict(enumerate(OUTPUTS)),
    "label2id": {name: i for i, name in enumerate(OUTPUTS)},
}
MARGIN = 64
"""Tokens that are left for a hypothesis."""
AT_ONCE = 1024
"""Tokens that the linear layers take at once when they are timed alone."""


class Encoder(NamedTuple):
    """A BERT shape: layers, width, and of how many reports one is asked about."""

    layers: int
    width: int
    every: int


ENCODERS = {"bert-tiny": Encoder(2, 128, 1), "bert-small": Encoder(6, 384, 7)}
DECODERS = {"gpt2-tiny": SHAPES["tiny"], "gpt2-small": SHAPES["small"]}


def save_encoder(folder: Path, shape: Encoder) -> None:
    """A BERT with random weights and an inference head, with MiniLM's tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm(), model_max_length=512)
    config = transformers.BertConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.width // 32,
        intermediate_size=4 * shape.width,
        initializer_range=0.1,
        **NAMED,
    )
    torch.manual_seed(0)
    with quiet():
        tokenizer.save_pretrained(folder)
        transformers.BertForSequenceClassification(config).save_pretrained(folder)


def entail(folder: Path, labels: LabelSpace, items: Sequence[Item], repeats: int) -> None:
    """One network by both."""
    task = get_task("modality")
    model = EntailmentModel(resolve(f"hf:{folder}"), ModelOptions(device="cpu"))
    names = [label.name_in("en") for label in labels.labels]
    with quiet():
        peer: Any = transformers.pipeline(
            "zero-shot-classification", model=str(folder), tokenizer=str(folder), device="cpu"
        )

    def ours() -> Any:
        answers = list(model.predict(task, labels, items))
        return np.array([[answer.scores[label] for label in labels.ids] for answer in answers])

    def theirs(batch: int) -> Any:
        template = hypothesis(task, "en").replace("{label}", "{}")
        texts = [item.text for item in items]
        with quiet():
            found = peer(texts, names, hypothesis_template=template, batch_size=batch)
        by_name = [dict(zip(each["labels"], each["scores"], strict=True)) for each in found]
        return np.array([[each[name] for name in names] for each in by_name])

    _, seconds = compare(ours, {str(size): partial(theirs, size) for size in BATCHES}, repeats)
    print(f"  premises are {model.record['premises']}")
    layers = getattr(getattr(model.head.loaded.network.base_model, "encoder", None), "layer", None)
    if layers is not None:
        template = hypothesis(task, "en")
        pairs = [(item.text, template.replace("{label}", name)) for item in items for name in names]
        lengths = [
            len(row) for row in peer.tokenizer(*map(list, zip(*pairs, strict=True)))["input_ids"]
        ]
        work = partial(needed, layers, lengths)
        alone = median(timed(work)[0] for _ in range(repeats))
        print(
            f"  linear layers and attention alone, {sum(lengths)} tokens: {alone:.2f} s; the ratio "
            f"cannot exceed {seconds / alone:.2f}"
        )


def linear_layers(layers: Any) -> list[torch.nn.Linear]:
    """The linear layers that have to read every token of every pair."""
    first = layers[0].attention.self
    once = (first.query, first.key, first.value)
    found = [each for each in layers[:-1].modules() if isinstance(each, torch.nn.Linear)]
    return [each for each in found if not any(each is part for part in once)]


def needed(layers: Any, lengths: Sequence[int]) -> None:
    """Linear layers and attention that have to read every token of every pair."""
    parts, tokens, inner = linear_layers(layers), sum(lengths), layers[0].attention.self
    with torch.inference_mode():
        for length in lengths:
            states = torch.ones(1, inner.num_attention_heads, length, inner.attention_head_size)
            for _ in layers[1:-1]:
                torch.nn.functional.scaled_dot_product_attention(states, states, states)
        for start in range(0, tokens, AT_ONCE):
            many = min(AT_ONCE, tokens - start)
            inputs = {each.in_features: torch.ones(many, each.in_features) for each in parts}
            for part in parts:
                part(inputs[part.in_features])


def main() -> None:
    """Print all comparisons."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    every = [*DECODERS, *ENCODERS]
    options.add_argument("--networks", nargs="+", choices=every, default=every)
    options.add_argument("--threads", type=int, help="1 to count processor seconds instead")
    options.add_argument("--repeats", type=int, default=5)
    given = options.parse_args()
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    if given.threads:
        torch.set_num_threads(given.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in given.networks:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if name in ENCODERS:
                shape = ENCODERS[name]
                save_encoder(folder, shape)
                labels = get_task("modality").labels(load_corpus("mini"))
                items = reports(512 - MARGIN, shape.every)
            else:
                kind = "GPT2ForSequenceClassification"
                save_model(folder, DECODERS[name], kind, pad_token_id=0, **NAMED)
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
                prompts = make_prompts(tokenizer, DECODERS[name].prompts[3])
                found = make_labels(tokenizer, prompts, 3)
                labels = LabelSpace(Label(each.strip(), each.strip()) for each in found)
                items = [Item(str(i), each, (), "en", "a", "en") for i, each in enumerate(prompts)]
            print(f"{name}: {len(items)} texts, {len(labels)} labels")
            entail(folder, labels, items, given.repeats)


if __name__ == "__main__":
    main()
