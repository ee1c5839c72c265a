"""What answers cost: time, tokens, memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from parrot_bench.asking import Sheet
from parrot_bench.task.item import Prediction


def costs(predictions: Sequence[tuple[Sheet, list[Prediction]]]) -> list[dict[str, Any]]:
    """Cost of the answers by task, text and language.

    Args:
        predictions: Every sheet with its answers.

    Returns:
        One row for each task, text and language: `items`, `seconds` that the model took for them
        when they were first answered, `tokens_in` and `tokens_out`.
    """
    rows = []
    for sheet, found in predictions:
        by_language: dict[str, list[Prediction]] = {}
        for item, answer in zip(sheet.items, found, strict=True):
            by_language.setdefault(item.language, []).append(answer)
        rows += [
            {
                "task": sheet.task.name,
                "text": sheet.variant,
                "language": language,
                "items": len(answers),
                "seconds": round(sum(each.seconds for each in answers), 3),
                "tokens_in": sum(each.tokens_in for each in answers),
                "tokens_out": sum(each.tokens_out for each in answers),
            }
            for language, answers in sorted(by_language.items())
        ]
    return rows


def peak_memory() -> dict[str, float]:
    """Most memory that this process held so far, in MiB; on its GPUs too where it used any."""
    found = {}
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        kibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bytes_each = 1 if sys.platform == "darwin" else 1024
        found["peak_memory_mib"] = round(kibibytes * bytes_each / 2**20, 1)
    torch = sys.modules.get("torch")  # a run that did not load it did not use a GPU
    if torch is not None and torch.cuda.is_available():
        peaks = (torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count()))
        found["peak_gpu_memory_mib"] = round(sum(peaks) / 2**20, 1)
    return found
