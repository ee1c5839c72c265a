"""Classifiers: which output is which label, and what the probabilities are."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.classify.model import ClassifierModel
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace
from parrot_bench.task.registry import get_task

Make = Callable[[Kind], Task]
SHAPES = ["bert", "xlmr", "roberta"]
REGIONS = ("Chest", "knee", "HEAD", "abdomen")


def classifier(folder: Path, **options: Any) -> ClassifierModel:
    chosen = {"device": "cpu", **options}
    return ClassifierModel(resolve(f"hf:{folder}"), ModelOptions(**chosen))


def logits_of(folder: Path, text: str) -> list[float]:
    """Straight from transformers, unpadded."""
    import torch
    import transformers

    with quiet(), torch.no_grad():
        given = transformers.AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
        load: Any = transformers.AutoModelForSequenceClassification
        logits: list[float] = load.from_pretrained(folder)(**given).logits[0].tolist()
    return logits


def softmax(logits: list[float]) -> list[float]:
    powers = [math.exp(each) for each in logits]
    return [each / sum(powers) for each in powers]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def made(text: str) -> Path:
        path = tmp_path / "labels.json"
        path.write_text(text, encoding="utf-8")
        return path

    return made


@pytest.mark.parametrize("shape", SHAPES)
def test_single_label_scores_are_the_softmax(
    shape: str,
    classifier_folder: Callable[..., Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder = classifier_folder(shape, REGIONS)
    model = classifier(folder)
    answers = list(model.predict(make_task("single-label"), space, items))
    assert [answer.report_id for answer in answers] == [item.report_id for item in items]
    for item, answer in zip(items, answers, strict=True):
        if item.report_id == "r1":
            assert (answer.status, answer.labels, answer.scores) == ("empty", (), {})
            continue
        wanted = dict(zip(space.ids, softmax(logits_of(folder, item.text)), strict=True))
        assert answer.scores == pytest.approx(wanted, abs=1e-5)
        assert answer.labels == (max(wanted, key=lambda each: wanted[each]),)
    assert model.record["max_tokens"] == 298


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_change_little(
    shape: str,
    classifier_folder: Callable[..., Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder, task = classifier_folder(shape, REGIONS), make_task("single-label")
    one, many = (
        list(classifier(folder, batch_tokens=tokens).predict(task, space, items * 8))
        for tokens in (1, 32 * 298)
    )
    for left, right in zip(one, many, strict=True):
        assert left.labels == right.labels
        assert left.scores == pytest.approx(right.scores, abs=1e-4)


def test_decoder_without_padding_token_reads_every_text_to_its_end(
    gpt2_folder: Path, tmp_path: Path, items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    import transformers

    with quiet():
        transformers.AutoTokenizer.from_pretrained(gpt2_folder).save_pretrained(tmp_path)
        config = transformers.GPT2Config(
            vocab_size=320, n_embd=32, n_layer=1, n_head=4, n_positions=700, num_labels=4
        )
        config.id2label = dict(enumerate(REGIONS))
        config.pad_token_id = None
        transformers.GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    asked = [item for item in items if item.text.strip()]
    answers = classifier(tmp_path).predict(make_task("single-label"), space, asked)
    for item, answer in zip(asked, answers, strict=True):
        wanted = softmax(logits_of(tmp_path, item.text))
        assert list(answer.scores.values()) == pytest.approx(wanted, abs=1e-5)


def test_outputs_on_one_label_are_summed_and_others_left_out(
    classifier_folder: Callable[..., Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    write: Callable[[str], Path],
) -> None:
    folder = classifier_folder("bert", ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"))
    file = write('{"LABEL_0": "chest", "LABEL_1": null, "LABEL_2": "knee", "LABEL_3": "chest"}')
    model = classifier(folder, label_map=file)
    one, other = make_task("single-label"), make_task("multi-label")
    a, _, c, d = softmax(logits_of(folder, items[0].text))
    answer = next(model.predict(one, space, items[:1]))
    wanted = {"chest": (a + d) / (a + c + d), "knee": c / (a + c + d)}
    assert answer.scores == pytest.approx(wanted, abs=1e-5)
    assert math.fsum(answer.scores.values()) == pytest.approx(1, abs=1e-9)
    answer = next(model.predict(other, space, items[:1]))
    assert answer.scores == pytest.approx({"chest": a + d, "knee": c}, abs=1e-5)
    assert model.info.settings["label_map"] == _sha256(file)
    assert model.record["outputs_by_task"]["region"] == {
        "labels": {"LABEL_0": "chest", "LABEL_1": None, "LABEL_2": "knee", "LABEL_3": "chest"},
        "never_answered": 2,
        "never_answered_labels": ["head", "abdomen"],
    }


def _sha256(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("problem", "threshold"),
    [("multi_label_classification", 0.5), ("multi_label_classification", 0.9), (None, 0.3)],
)
def test_multi_label_answers(
    problem: str | None,
    threshold: float,
    classifier_folder: Callable[..., Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    folder = classifier_folder("bert", REGIONS, problem_type=problem)
    model = classifier(folder, threshold=threshold)
    for item in (items[0], items[2]):
        (answer,) = model.predict(make_task("multi-label"), space, [item])
        logits = logits_of(folder, item.text)
        chances = [1 / (1 + math.exp(-each)) for each in logits] if problem else softmax(logits)
        wanted = dict(zip(space.ids, chances, strict=True))
        assert answer.scores == pytest.approx(wanted, abs=1e-5)
        ranked = sorted(wanted, key=lambda each: -wanted[each])
        sure = [label for label in ranked if wanted[label] >= threshold]
        assert list(answer.labels) == (sure or ranked[:1])


def test_outputs_are_found_by_identifier_then_by_name_in_any_language(make_task: Make) -> None:
    spoken = LabelSpace(
        [
            Label("upper_limb", "", (("de", "Obere Extremität"), ("en", "arm"))),
            Label("chest", "", (("de", "Brustkorb"), ("fr", "tronc"))),
            Label("spine", "", (("de", "Wirbelsäule"), ("it", "tronc"))),
            Label("Spine", ""),
        ]
    )
    from parrot_bench.models.classify.label_map import label_of

    task = make_task("single-label")
    for name, label in {
        "upper_limb": "upper_limb",
        "Upper-Limb": "upper_limb",
        "UPPER LIMB": "upper_limb",
        "upperlimb": "upper_limb",
        "obere extremität": "upper_limb",
        "ARM": "upper_limb",
        "WIRBELSÄULE": "spine",
        "spine": "spine",
        "Spine": "Spine",
        "SPINE": None,  # two identifiers
        "tronc": None,  # names of two labels
        "LABEL_0": None,
    }.items():
        assert label_of(name, task, spoken) == label, name


def test_codes_are_read_in_any_form_and_finer_ones_kept() -> None:
    from parrot_bench.models.classify.label_map import label_of

    task = get_task("icd_coding")
    codes = LabelSpace([Label("J90", ""), Label("S72", "")])
    for name, label in {"j90": "J90", "S72.0": "S72.0", "s7201": "S72.01", "K35": None}.items():
        assert label_of(name, task, codes) == label, name


def test_a_few_labels_are_enough(
    classifier_folder: Callable[..., Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    one, several = make_task("single-label"), make_task("multi-label")
    partly = classifier(classifier_folder("bert", ("chest", "knee", "other")))
    assert partly.obstacle(one, space) is None
    (answer,) = partly.predict(one, space, items[:1])
    assert set(answer.scores) == {"chest", "knee"}
    assert math.fsum(answer.scores.values()) == pytest.approx(1, abs=1e-9)
    single = classifier(classifier_folder("bert", ("chest", "other")))
    assert single.obstacle(several, space) is None
    assert single.obstacle(one, space) == (
        "its outputs (chest, other) are only one label of the task; name them in a --label-map "
        "file."
    )
    none = classifier(classifier_folder("bert", ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")))
    for task in (one, several):
        assert none.obstacle(task, space) == (
            "its outputs (LABEL_0, LABEL_1, LABEL_2, ...) are not the task's labels; name them in "
            "a --label-map file."
        )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no json", "labels.json: this is no readable JSON file"),
        ("[1]", "holds no JSON object"),
        ("{}", "holds no JSON object"),
        ('{"LABEL_9": "chest"}', "Unknown output of the model 'LABEL_9': did you mean 'LABEL_"),
        ('{"LABEL_0": 3}', "entry 'LABEL_0' is 3; a label's id or null was expected"),
        ('{"LABEL_0": "chest", "LABEL_0": "knee"}', "entry 'LABEL_0' stands there twice"),
        ('{"region": {"LABEL_0": "chest"}, "LABEL_0": "x"}', "'LABEL_0' stands beside tasks"),
        ('{"region": {"LABEL_7": "chest"}}', "Unknown output of the model 'LABEL_7'"),
    ],
)
def test_file_that_cannot_be_used(
    text: str, words: str, classifier_folder: Callable[..., Path], write: Callable[[str], Path]
) -> None:
    folder = classifier_folder("bert", ("LABEL_0", "LABEL_1"))
    with pytest.raises(ParrotError, match=f"--label-map .*{words}"):
        classifier(folder, label_map=write(text))


def test_file_for_tasks(
    classifier_folder: Callable[..., Path],
    space: LabelSpace,
    make_task: Make,
    write: Callable[[str], Path],
) -> None:
    folder, task = classifier_folder("bert", ("LABEL_0", "LABEL_1")), make_task("single-label")
    model = classifier(folder, label_map=write('{"LABEL_0": "chestt", "LABEL_1": "knee"}'))
    with pytest.raises(
        ParrotError, match="entry 'LABEL_0': Unknown label of task region 'chestt': did you mean"
    ):
        model.obstacle(task, space)
    nested = '{"region": {"LABEL_0": "knee", "LABEL_1": "head"}, "other": {"LABEL_0": "x"}}'
    model = classifier(folder, label_map=write(nested))
    assert model.obstacle(task, space) is None
    assert model.labels(task, space) == ("knee", "head")
    third = replace(task, name="third")
    assert model.obstacle(third, space) == (
        "the --label-map file has no entry 'third' for its outputs (LABEL_0, LABEL_1)."
    )
    # Of a file for all tasks, one that has none of its labels takes nothing.
    flat = classifier(folder, label_map=write('{"LABEL_0": "CT", "LABEL_1": "MR"}'))
    assert "not the task's labels" in (flat.obstacle(task, space) or "")


def test_head_with_other_outputs_than_it_names(
    classifier_folder: Callable[..., Path],
    copied: Callable[[Path], Path],
    space: LabelSpace,
    items: list[Item],
    make_task: Make,
) -> None:
    folder = copied(classifier_folder("bert", REGIONS))
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {"0": "chest", "1": "knee"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ParrotError, match=r"of another shape, such as classifier"):
        list(classifier(folder).predict(make_task("single-label"), space, items))


def test_reports_that_do_not_fit(
    classifier_folder: Callable[..., Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    folder, task = classifier_folder("bert", REGIONS), make_task("single-label")
    long = [replace(items[2], text=items[2].text * 5)]
    (whole,) = classifier(folder).predict(task, space, long)
    assert (whole.status, whole.note.endswith("cuts the middle of the report out.")) == (
        "failed",
        True,
    )
    (cut,) = classifier(folder, allow_truncation=True).predict(task, space, long)
    assert (cut.status, cut.truncated_input) == ("ok", True)
    assert 285 <= cut.tokens_in <= 298


@pytest.mark.parametrize("method", ["classify", "entail", "embed", "probe"])
def test_info_needs_neither_torch_nor_weights(
    method: str, classifier_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = classifier_folder("bert", ("entailment", "chest", "knee"))
    code = (
        "import sys; from parrot_bench.models.hub.source import resolve; "
        "from parrot_bench.models.loading import make; "
        "from parrot_bench.task.registry import get_task; "
        "from parrot_bench.models.options import ModelOptions; "
        f"model = make({method!r}, resolve('hf:{folder}'), ModelOptions()); "
        "task = get_task('modality'); model.obstacle(task, task.labels(None)); "
        "print(model.info.method, model.info.parameters, "
        "[m for m in ('torch', 'transformers', 'sklearn') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # Embeddings of 500 tokens, 298 places and 2 types, and their norm; a layer of four 32x32,
    # 32x48 and back, and two norms; pooler and classifier; all with biases.
    layer = 4 * (32 * 32 + 32) + (32 * 48 + 48) + (48 * 32 + 32) + 4 * 32
    parameters = (500 + 298 + 2 + 2) * 32 + 2 * layer + (32 * 32 + 32) + (32 * 3 + 3)
    assert found.stdout.strip() == f"{method} {parameters} []"


def test_no_items(
    classifier_folder: Callable[..., Path], space: LabelSpace, make_task: Make
) -> None:
    model = classifier(classifier_folder("bert", REGIONS))
    assert list(model.predict(make_task("binary"), space, [])) == []
