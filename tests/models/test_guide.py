"""The guide's model runs as it stands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from parrot_bench import load_run
from parrot_bench.models.base import Model
from parrot_bench.resources import tasks_path

GUIDE = (tasks_path().parent / "docs" / "adding-a-model.md").read_text(encoding="utf-8")


def test_the_model_of_the_guide_is_twenty_lines_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, use = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len([line for line in model.split("\n") if line.strip()]) <= 20
    (tmp_path / "my_model.py").write_text(model)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    exec(compile(use, "use.py", "exec"), {})  # noqa: S102
    out = capsys.readouterr().out
    assert "region works 3 of 3 answers are usable" in out
    run = load_run(Path(out.split()[-1]).parent)
    assert run.status == "complete"
    micro = run.results.query("task == 'region' and text == 'translation' and metric == 'micro_f1'")
    assert micro.set_index("slice")["value"]["pooled"] > 0.5
    assert isinstance(sys.modules["my_model"].NameModel(), Model)
    del sys.modules["my_model"]
