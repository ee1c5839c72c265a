"""Energy of a run, as codecarbon measures or estimates it; an optional extra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from parrot_bench.errors import ParrotError


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
