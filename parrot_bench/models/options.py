"""How a model is loaded and asked: one record for everything that a user may choose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from parrot_bench.errors import ParrotError, unknown

DTYPES = ("float32", "bfloat16", "float16")
ATTENTION = ("eager", "sdpa", "flash_attention_2")
QUANTISATIONS = ("int8", "int4")
LengthNorm = Literal["tokens", "characters", "none"]
Prior = Literal["none", "content-free"]


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What is chosen for a model besides its name; every field has a default that is recorded.

    Attributes:
        device: "cpu", "cuda", "cuda:1"; a GPU if there is one where None.
        dtype: One of `DTYPES`; float32 on a CPU and the checkpoint's own on a GPU where None.
        attention: One of `ATTENTION`; what transformers prefers where None.
        quantisation: One of `QUANTISATIONS`, by bitsandbytes; none where None.
        device_map: Where accelerate puts the layers, such as "auto"; all on `device` where None.
        allow_pickle: Whether weights may come from pickled files.
        trust_remote_code: Whether Python code that a model brings along may run.
        allow_truncation: Whether a report that does not fit is cut in its middle; else it fails.
        batch_tokens: Tokens of a batch, padding included; by device where None.
        shots: Worked examples before each question.
        seed: Seed of the choice of examples and of baselines that draw.
        length_norm: What "choose" divides a label's log-likelihood by.
        prior: What "choose" subtracts from it: nothing, or the label's log-likelihood after a
            prompt without a report.
        threshold: Probability from which a label of a multi-label answer is given ("classify",
            "entail").
        beam: Nodes that are followed at every level of a tree of labels.
        max_new_tokens: Most tokens of a generated answer.
        chat_template: Whether a model's chat template is applied where it has one.
        label_map: JSON file that names the task's label for each of a classifier's outputs.
        concurrency: Requests that an endpoint is sent at once.
        timeout: Seconds that an endpoint has for one answer.
        retries: How often a request is sent again where an endpoint is busy or breaks off.
    """

    device: str | None = None
    dtype: str | None = None
    attention: str | None = None
    quantisation: str | None = None
    device_map: str | None = None
    allow_pickle: bool = False
    trust_remote_code: bool = False
    allow_truncation: bool = False
    batch_tokens: int | None = None
    shots: int = 0
    seed: int = 0
    length_norm: LengthNorm = "tokens"
    prior: Prior = "none"
    threshold: float = 0.5
    beam: int = 3
    max_new_tokens: int = 256
    chat_template: bool = True
    label_map: Path | None = None
    concurrency: int = 8
    timeout: float = 120.0
    retries: int = 5

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ParrotError: If a name is unknown or a number out of range.
        """
        for option, value, known in (
            ("dtype", self.dtype, DTYPES),
            ("attention implementation", self.attention, ATTENTION),
            ("quantisation", self.quantisation, QUANTISATIONS),
            ("length normalisation", self.length_norm, get_args(LengthNorm)),
            ("prior correction", self.prior, get_args(Prior)),
        ):
            if value is not None and value not in known:
                raise unknown(option, value, known)
        for option, number, least in (
            ("--shots", self.shots, 0),
            ("--beam", self.beam, 1),
            ("--max-new-tokens", self.max_new_tokens, 1),
            ("--batch-tokens", 1 if self.batch_tokens is None else self.batch_tokens, 1),
            ("--concurrency", self.concurrency, 1),
            ("--retries", self.retries, 0),
        ):
            if number < least:
                raise ParrotError(f"{option} is {number}; at least {least} was expected.")
        if not 0 < self.threshold < 1:
            raise ParrotError(f"--threshold is {self.threshold}; a number between 0 and 1 belongs.")
        if not 0 < self.timeout < math.inf:
            raise ParrotError(f"--timeout is {self.timeout}; a number of seconds above 0 belongs.")
        if self.device and self.device_map:
            raise ParrotError("--device and --device-map both say where the model runs; give one.")


DEFAULT = ModelOptions()
