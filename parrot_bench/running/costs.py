"""What answers cost: time, tokens, memory, and energy as codecarbon measures or estimates it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from parrot_bench.errors import ParrotError
from parrot_bench.running.sheets import Sheet
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


@contextmanager
def energy_meter(*, wanted: bool) -> Iterator[dict[str, Any]]:
    """Measure the energy that is used inside.

    Args:
        wanted: Whether to measure at all.

    Yields:
        A record that is empty inside, and afterwards holds `kwh` (processors, memory and GPUs),
        and `by`, the meter and its version. Where the hardware has no meter, codecarbon estimates
        from the processor's rated power. It asks nothing of the network.

    Raises:
        ParrotError: If codecarbon is not installed.
    """
    record: dict[str, Any] = {}
    if not wanted:
        yield record
        return
    if find_spec("codecarbon") is None:
        raise ParrotError(
            "--energy needs the library codecarbon, which is not installed; install "
            "parrot-bench[energy]."
        )
    from codecarbon import OfflineEmissionsTracker

    # The country is needed for emissions, which are not reported.
    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", save_to_file=False, log_level="critical", allow_multiple_runs=True
    )
    tracker.start()
    try:
        yield record
    finally:
        tracker.stop()
    record["kwh"] = float(tracker.final_emissions_data.energy_consumed)
    record["by"] = f"codecarbon {metadata.version('codecarbon')}"
