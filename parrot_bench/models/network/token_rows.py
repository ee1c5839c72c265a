"""Texts as rows of token ids, and rows as tensors: what all encoders share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from parrot_bench.models.network.truncation import does_not_fit, fit
from parrot_bench.task.item import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from parrot_bench.models.network.loaded import Loaded

Row = list[int]
PADDING_CHECK = (
    "CT of the chest.",
    "CT of the chest: lungs clear, no pleural effusion, no fracture of the ribs or the spine.",
)
PADDING_TOLERANCE = {"float32": 1e-4}
HALF_TOLERANCE = 3e-2
"""Largest difference of outputs, relative to the largest one, that passes for rounding."""


class Rows(NamedTuple):
    """Texts after tokenisation.

    Attributes:
        ids: Token ids of each text; none for a blank text or one that does not fit.
        notes: Why a text has none, by its position; nothing for a blank one.
        shortened: Positions of the texts whose middle was cut out.
        texts: The texts as they were tokenised, shortened ones without their middle.
    """

    ids: list[Row]
    notes: Mapping[int, str] = {}
    shortened: frozenset[int] = frozenset()
    texts: Sequence[str] = ()


def read(
    texts: Sequence[str], encode: Callable[[list[str]], list[Row]], most: int, *, cut: bool
) -> Rows:
    """Tokenise texts, none of them truncated without a word.

    Args:
        texts: The texts.
        encode: Token ids of each of several texts, all that the model reads with them included.
        most: Most tokens of a text.
        cut: Whether the middle of a text that does not fit is cut out; else it has no ids.
    """
    kept_texts = list(texts)
    ids = encode(kept_texts) if texts else []
    notes: dict[int, str] = {}
    shortened: set[int] = set()
    for i, (text, row) in enumerate(zip(texts, ids, strict=True)):
        if not text.strip():
            ids[i] = []
        elif len(row) > most:
            kept = fit(text, lambda each: len(encode([each])[0]), most) if cut else None
            ids[i] = [] if kept is None else encode([kept])[0]
            if kept is None:
                notes[i] = does_not_fit(most, cut=cut)
            else:
                shortened.add(i)
                kept_texts[i] = kept
    return Rows(ids, notes, frozenset(shortened), kept_texts)


def without_row(report_id: str, note: str | None) -> Prediction:
    """The prediction of a report without ids: failed with a note, else empty."""
    if note is None:
        return Prediction(report_id, (), status="empty")
    return Prediction(report_id, (), status="failed", note=note)


def encoder_of(tokenizer: Any, prompt: str = "", *, lower: bool = False) -> Callable[..., Any]:
    """A function from texts to token ids, with a prompt before them and special tokens around."""

    def encode(texts: Iterable[str]) -> list[Row]:
        whole = [prompt + (text.lower() if lower else text) for text in texts]
        rows: list[Row] = tokenizer(whole, verbose=False)["input_ids"]
        return rows

    return encode


def padding_id(loaded: Loaded) -> int:
    """Token that fills rows up: the network's, by which some find the end of a text, if it has one.

    It is masked, so that any other that the network knows will do.
    """
    known = loaded.network.get_input_embeddings().weight.shape[0]
    config = loaded.network.config.get_text_config()
    for pad in (config.pad_token_id, loaded.tokenizer.pad_token_id):
        if pad is not None and 0 <= pad < known:
            return int(pad)
    return 0


def padded(rows: Sequence[Row], pad: int) -> tuple[Tensor, Tensor]:
    """Rows filled up on the right, and 1 where their tokens are; both of shape (n, longest)."""
    import torch

    width = max(1, *map(len, rows))
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    return ids, mask


def ignores_padding(loaded: Loaded, forward: Callable[[list[Row]], Sequence[Tensor]]) -> bool:
    """Whether a network says the same of a row alone and of one that is filled up.

    Some do not: those that read the end of the row for the end of the text, that know no token for
    padding, or that look beyond their mask.

    Args:
        loaded: The network and its tokenizer.
        forward: Outputs of rows that are filled up to one length, one each.
    """
    import torch

    short, long = encoder_of(loaded.tokenizer)(PADDING_CHECK)
    alone = forward([short])[0]
    try:
        filled = forward([short, long])[0]
    except ValueError:  # transformers, of a network without a token for padding
        return False
    most = PADDING_TOLERANCE.get(loaded.dtype, HALF_TOLERANCE) * float(alone.abs().max())
    return torch.allclose(filled, alone, rtol=0, atol=most)


def least(*limits: int | None) -> int:
    """The least of the limits that are set; a number beyond any text where none is."""
    return functools.reduce(min, (each for each in limits if each), 10**9)
