"""Where a model will run and in which precision, told without loading torch."""

from __future__ import annotations

import ctypes
import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from parrot_bench.models.options import DTYPES, ModelOptions

if TYPE_CHECKING:
    from parrot_bench.models.hub.source import Source


@cache
def default_device() -> str:
    """Name "cuda" where torch was built for it and the driver has a GPU, else "cpu"."""
    return "cuda" if _torch_has_cuda() and _gpus() > 0 else "cpu"


def _torch_has_cuda() -> bool:
    """Whether the installed torch was built with CUDA, read from the file that says so."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    try:
        text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    except OSError:
        return False
    return re.search(r"^cuda\b[^=\n]*=\s*['\"]", text, re.MULTILINE) is not None


def _gpus() -> int:
    """GPUs of the NVIDIA driver; 0 where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        count = ctypes.c_int()
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)):
            return 0
    except (OSError, AttributeError):
        return 0
    return count.value


def device_of(options: ModelOptions) -> str:
    """The device that was asked for, or the default; "device map AUTO" where layers are spread."""
    if options.device_map:
        return f"device map {options.device_map}"
    return options.device or default_device()


def dtype_of(source: Source, options: ModelOptions) -> str:
    """The precision that was asked for; else float32 on a CPU and the checkpoint's on a GPU."""
    if options.dtype:
        return options.dtype
    named = str(source.config.get("dtype") or source.config.get("torch_dtype"))
    return named if device_of(options) != "cpu" and named in DTYPES else "float32"


def loading_settings(source: Source, options: ModelOptions) -> dict[str, Any]:
    """What of the loading changes the answers, or the trust in them, for `ModelInfo.settings`."""
    return {
        "device": device_of(options),
        "dtype": dtype_of(source, options),
        "attention": options.attention or "default",
        "quantisation": options.quantisation or "none",
        "remote_code": options.trust_remote_code,
        "pickled_weights": source.pickled,
        "truncation": options.allow_truncation,
        "batch_tokens": options.batch_tokens or "by device",
    }
