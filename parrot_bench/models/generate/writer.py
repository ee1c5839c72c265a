"""A loaded network that goes on with prompts.

Decoding is greedy and plain. Of a model's generation_config.json only the special tokens count;
sampling, beams and penalties are left out, so that all models are asked alike and no answer depends
on chance.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.models.hub.source import Source, quiet
from parrot_bench.models.network.chat import encode, has_chat_template, render
from parrot_bench.models.network.loaded import Loaded, load
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Task
from parrot_bench.task.examples import Prompting
from parrot_bench.task.item import Item
from parrot_bench.task.labels import LabelSpace

SPECIAL = (
    "bos_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "suppress_tokens",
    "begin_suppress_tokens",
)
"""What is kept of a generation_config.json, besides EOS and padding: tokens, no preferences.

Not forced_eos_token_id, which would make an answer that is cut off look finished.
"""


@dataclass(frozen=True, slots=True)
class Written:
    """What a network wrote after one prompt.

    Attributes:
        text: The answer, without the tokens that begin, end or pad it.
        tokens: Number of tokens written, EOS included.
        finished: Whether it ended by itself; else the answer is cut off.
        seconds: Its share of the batch's time.
    """

    text: str
    tokens: int
    finished: bool
    seconds: float


class Writer:
    """A loaded network that goes on with prompts, greedily.

    Attributes:
        loaded: The network and its tokenizer.
        chat: Whether its chat template is applied.
        room: Most tokens of a prompt; None where nothing limits them.
    """

    def __init__(self, source: Source, options: ModelOptions) -> None:
        """Load the network.

        Raises:
            ParrotError: If it cannot be loaded or cannot write.
        """
        self._spec = source.spec
        self._encodes = bool(source.config.get("is_encoder_decoder"))
        self.loaded: Loaded = load(source, "seq2seq" if self._encodes else "causal", options)
        self.chat = options.chat_template and has_chat_template(self.loaded.tokenizer)
        most = self.loaded.max_tokens
        # An encoder reads the prompt alone; a decoder's context holds prompt and answer.
        self.room = most if most is None or self._encodes else most - options.max_new_tokens
        if self.room is not None and self.room < 1:
            raise ParrotError(
                f"--max-new-tokens is {options.max_new_tokens}, and model '{source.spec}' takes "
                f"{most} tokens in all, so that no prompt fits beside them; give fewer."
            )
        if not callable(getattr(self.loaded.network, "generate", None)):
            raise ParrotError(
                f"Model '{source.spec}' ({source.architecture}) cannot write: use another --method."
            )
        self._decoding = _plain(self.loaded, options.max_new_tokens)
        self.loaded.network.generation_config = self._decoding  # generate() adds what this says

    def row(self, prompting: Prompting, task: Task, labels: LabelSpace, item: Item) -> list[int]:
        """Token ids of the prompt about an item, shape (tokens,).

        Raises:
            ParrotError: If the model's chat template cannot be applied.
        """
        tokenizer = self.loaded.tokenizer
        turns = prompting.turns(task, labels, item)
        try:
            text = render(turns, tokenizer, chat=self.chat)
        except Exception as error:  # a template is a program of the model's authors
            raise ParrotError(
                f"Model '{self._spec}': its chat template cannot be applied "
                f"({type(error).__name__}); ask it without the template."
            ) from None  # the error may quote the report
        if not self._encodes:
            return encode(tokenizer, [text])[0]
        ids: list[int] = tokenizer(text, verbose=False)["input_ids"]
        return ids

    def write(self, rows: Sequence[Sequence[int]]) -> list[Written]:
        """Go on with every prompt until its end or `max_new_tokens`.

        Args:
            rows: Token ids of the prompts, one batch.

        Returns:
            The answers, in order.

        Raises:
            torch.OutOfMemoryError: If the batch does not fit.
        """
        import torch

        began = time.perf_counter()
        width = max(map(len, rows))
        pad = [[self._decoding.pad_token_id] * (width - len(row)) for row in rows]
        gap, mask = [[0] * len(each) for each in pad], [[1] * len(row) for row in rows]
        left = not self._encodes  # a decoder goes on at the right end, where no padding may stand
        ids = [[*p, *row] if left else [*row, *p] for p, row in zip(pad, rows, strict=True)]
        seen = [[*g, *m] if left else [*m, *g] for g, m in zip(gap, mask, strict=True)]
        device = self.loaded.device
        with quiet(), torch.inference_mode():
            written = self.loaded.network.generate(
                input_ids=torch.tensor(ids, device=device),
                attention_mask=torch.tensor(seen, device=device),
                generation_config=self._decoding,
            ).tolist()
        start = 1 if self._encodes else width  # a decoder of its own begins with a start token
        seconds = (time.perf_counter() - began) / len(rows)
        return [self._read(row[start:], seconds) for row in written]

    def _read(self, ids: list[int], seconds: float) -> Written:
        ends = set(self._decoding.eos_token_id or ())
        end = next((i for i, token in enumerate(ids) if token in ends), None)
        ids = ids if end is None else ids[: end + 1]
        frame = ends | {
            self.loaded.tokenizer.pad_token_id,
            self._decoding.bos_token_id,
            self._decoding.forced_bos_token_id,
        }
        # Other special tokens stay: they may be the bounds of a thinking block.
        text = self.loaded.tokenizer.decode(
            [token for token in ids if token not in frame],
            skip_special_tokens=False,
            clean_up_tokenization_spaces=False,
        )
        return Written(text, len(ids), end is not None, seconds)


def _plain(loaded: Loaded, max_new_tokens: int) -> Any:
    """Greedy decoding with the special tokens of the model's own generation_config.json."""
    from transformers import GenerationConfig

    config: Any = GenerationConfig  # untyped
    own = getattr(loaded.network, "generation_config", None)
    tokenizer = loaded.tokenizer
    ends = getattr(own, "eos_token_id", None)
    listed = list(ends) if isinstance(ends, (list, tuple)) else [ends]
    eos = list(
        dict.fromkeys(each for each in (*listed, tokenizer.eos_token_id) if each is not None)
    )
    embedded = loaded.network.get_input_embeddings().weight.shape[0]
    fillers = (tokenizer.pad_token_id, getattr(own, "pad_token_id", None), *eos, 0)
    return config(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        eos_token_id=eos or None,
        # Padding is masked, so any token will do that the network knows.
        pad_token_id=next(each for each in fillers if each is not None and each < embedded),
        **{name: getattr(own, name, None) for name in SPECIAL},
    )
