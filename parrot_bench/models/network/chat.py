"""From the turns of a conversation to the tokens of a local model: chat template, BOS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parrot_bench.models.hub.source import read_json
from parrot_bench.task.examples import Turn


def brings_chat_template(folder: Path) -> bool:
    """Whether a model's folder holds a chat template, told without loading its tokenizer."""
    if any(folder.glob("chat_template*")):
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and bool(read_json(path, folder.name, dict).get("chat_template"))


def has_chat_template(tokenizer: Any) -> bool:
    """Whether a tokenizer brings a chat template along."""
    return bool(getattr(tokenizer, "chat_template", None))


def render(turns: Sequence[Turn], tokenizer: Any, *, chat: bool, stem: str = "") -> str:
    """A conversation as one text for a local model to go on with.

    Args:
        turns: The turns; the last one is the user's.
        tokenizer: Its chat template is applied if `chat`.
        chat: Whether to apply it; else turns are joined by blank lines.
        stem: Beginning of the answer.
    """
    if not chat:
        return "\n\n".join(turn.text.rstrip("\n") for turn in turns) + "\n" + stem
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text + stem


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of prompts for a causal model: the tokenizer's BOS once, nothing at the end."""
    if not texts:
        return []
    rows = tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
    bos = leading_token(tokenizer)
    return [row if row[: len(bos)] == bos else bos + row for row in rows]


def leading_token(tokenizer: Any) -> list[int]:
    """The token that a tokenizer puts before a text, if any."""
    first: list[int] = tokenizer("a", verbose=False)["input_ids"][:1]
    return first if first == [tokenizer.bos_token_id] else []
