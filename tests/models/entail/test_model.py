"""Entailment: the scores are those of transformers' own zero-shot pipeline."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from parrot_bench.errors import ParrotError
from parrot_bench.models.entail import model as entailment
from parrot_bench.models.entail import premises
from parrot_bench.models.entail.model import EntailmentModel
from parrot_bench.models.entail.pairs import pair_form
from parrot_bench.models.hub.source import quiet, resolve
from parrot_bench.models.loading import load_model
from parrot_bench.models.network.truncation import fit
from parrot_bench.models.options import ModelOptions
from parrot_bench.task.card import Kind, Task
from parrot_bench.task.item import Item
from parrot_bench.task.labels import Label, LabelSpace, LabelTree

Make = Callable[[Kind], Task]
SHAPES = ["bert", "xlmr", "roberta", "bart", "mt5"]
NLI = ("Contradiction", "neutral", "ENTAILMENT")


@pytest.fixture(scope="session")
def folders(
    classifier_folder: Callable[..., Path], paired_classifier: Callable[..., Path]
) -> dict[str, Path]:
    paired = ("bart", "mt5")
    return {
        shape: (paired_classifier if shape in paired else classifier_folder)(shape, NLI)
        for shape in SHAPES
    }


def entails(folder: Path, **options: Any) -> EntailmentModel:
    chosen = {"device": "cpu", "allow_truncation": True, **options}
    return EntailmentModel(resolve(f"hf:{folder}"), ModelOptions(**chosen))


def pipeline_of(folder: Path) -> Any:
    import transformers

    with quiet():
        return transformers.pipeline(
            "zero-shot-classification", model=str(folder), tokenizer=str(folder), device="cpu"
        )


def expected(peer: Any, text: str, labels: dict[str, str], template: str, several: bool) -> Any:
    """Scores by label of the pipeline; `labels` are names by identifier."""
    with quiet():
        found = peer(
            text,
            list(labels.values()),
            hypothesis_template=template.replace("{label}", "{}"),
            multi_label=several,
        )
    by_name = dict(zip(found["labels"], found["scores"], strict=True))
    return {label: by_name[name] for label, name in labels.items()}


def short(items: list[Item]) -> list[Item]:
    """The items without the long ones, which the pipeline would cut at their ends."""
    return [items[0], items[1], items[3]]


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_those_of_the_zero_shot_pipeline(
    shape: str,
    kind: Kind,
    folders: dict[str, Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
) -> None:
    task, model = make_task(kind), entails(folders[shape])
    peer = pipeline_of(folders[shape])
    answers = list(model.predict(task, space, short(items)))
    assert [answer.report_id for answer in answers] == ["r0", "r1", "r3"]
    assert (answers[1].status, answers[1].scores) == ("empty", {})
    names = {label.id: label.definition for label in space.labels}
    for item, answer in zip(short(items), answers, strict=True):
        if item.report_id == "r1":
            continue
        wanted = expected(
            peer, item.text, names, "This report is about {label}.", kind == "multi-label"
        )
        assert answer.scores == pytest.approx(wanted, abs=1e-5)
        best = max(wanted, key=lambda each: wanted[each])
        sure = {label for label, score in wanted.items() if score >= 0.5}
        assert set(answer.labels) == ((sure if kind == "multi-label" else set()) or {best})
        pairs = [(item.text, f"This report is about {name}.") for name in names.values()]
        tokens = sum(len(peer.tokenizer(*pair)["input_ids"]) for pair in pairs)
        assert answer.tokens_in == tokens
    assert model.record["pairs"] == "put together from ids"


def test_hypotheses_speak_the_language_of_the_text(
    folders: dict[str, Path], make_task: Make, tmp_path: Path
) -> None:
    (tmp_path / "region.hypothesis.de.txt").write_text("Es geht um {label}.\n", encoding="utf-8")
    spoken = LabelSpace(
        [
            Label("chest", "lungs", (("en", "chest"), ("de", "Brustkorb"))),
            Label("knee", "the joint", (("de", "Knie"),)),
            Label("head", "skull", (("en", "head"),)),
        ]
    )
    task = replace(make_task("single-label"), prompts=tmp_path)
    texts = {"de": "Röntgen des Knies, kein Erguss", "pl": "USG jamy brzusznej"}
    items = [Item(code, text, (), code, "a", code) for code, text in texts.items()]
    model = entails(folders["bert"])
    german, polish = model.predict(task, spoken, items)
    peer = pipeline_of(folders["bert"])
    names = {"chest": "Brustkorb", "knee": "Knie", "head": "head"}
    assert german.scores == pytest.approx(
        expected(peer, texts["de"], names, "Es geht um {label}.", several=False), abs=1e-5
    )
    names = {"chest": "chest", "knee": "the joint", "head": "head"}
    assert polish.scores == pytest.approx(
        expected(peer, texts["pl"], names, "This report is about {label}.", several=False),
        abs=1e-5,
    )
    assert model.record["hypotheses"] == {
        "region": {"de": "Es geht um {label}.", "pl": "This report is about {label}."}
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_batches_change_little(
    shape: str, folders: dict[str, Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    one, many = (
        list(entails(folders[shape], batch_tokens=tokens).predict(task, space, items))
        for tokens in (1, 32 * 298)
    )
    for left, right in zip(one, many, strict=True):
        assert left.labels == right.labels
        assert left.scores == pytest.approx(right.scores, abs=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_reports_that_do_not_fit_fail_or_lose_their_middle(
    shape: str, folders: dict[str, Path], items: list[Item], space: LabelSpace, make_task: Make
) -> None:
    task = make_task("single-label")
    items = [*items[:2], replace(items[2], text=items[2].text * 3)]
    strict = entails(folders[shape], allow_truncation=False)
    whole = list(strict.predict(task, space, items))
    assert strict.record["max_tokens"] == 298
    tokenizer = strict.head.loaded.tokenizer
    hypotheses = [f"This report is about {label.definition}." for label in space.labels]

    def tokens(text: str) -> int:
        return max(len(tokenizer(text, each)["input_ids"]) for each in hypotheses)

    assert tokens(items[2].text) > 298
    assert whole[2].status == "failed"
    assert whole[2].note.startswith("The prompt does not fit into the 298 tokens")
    cut = list(entails(folders[shape]).predict(task, space, items))
    assert (cut[2].status, cut[2].truncated_input) == ("ok", True)
    kept = fit(items[2].text, tokens, 298) or ""
    names = {label.id: label.definition for label in space.labels}
    wanted = expected(
        pipeline_of(folders[shape]), kept, names, "This report is about {label}.", several=False
    )
    assert cut[2].scores == pytest.approx(wanted, abs=1e-5)


def test_large_spaces_are_gone_down_by_their_tree(
    folders: dict[str, Path], items: list[Item], make_task: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = (Label("A", "the chest"), Label("B", "the knee"), Label("C", "the head"))
    leaves = {
        each.id: tuple(Label(f"{each.id}{i}", f"{each.definition} number {i}") for i in range(3))
        for each in top
    }
    space = LabelSpace(leaf for below in leaves.values() for leaf in below)
    monkeypatch.setattr(entailment, "MOST_LABELS", 8)
    tree = LabelTree(top, leaves)
    task = replace(make_task("multi-label"), tree=lambda: tree)
    assert entails(folders["bert"]).obstacle(task, space) is None
    one = replace(make_task("single-label"), tree=lambda: tree)
    model = entails(folders["bert"], beam=2)
    peer = pipeline_of(folders["bert"])
    template = "This report is about {label}."

    def chances(text: str, nodes: tuple[Label, ...]) -> Any:
        names = {node.id: node.definition for node in nodes}
        return expected(peer, text, names, template, several=False)

    several = list(model.predict(task, space, short(items)))
    single = list(model.predict(one, space, short(items)))
    for place in (0, 2):
        text = short(items)[place].text
        first = chances(text, top)
        followed = sorted(first, key=lambda node: -first[node])[:2]
        wanted = {
            leaf: first[node] * chance
            for node in followed
            for leaf, chance in chances(text, leaves[node]).items()
        }
        logs = {leaf: math.log(chance) for leaf, chance in wanted.items()}
        assert several[place].scores == pytest.approx(logs, abs=1e-4)
        assert several[place].labels[0] == max(wanted, key=lambda leaf: wanted[leaf])
        among = {leaf: chance / sum(wanted.values()) for leaf, chance in wanted.items()}
        assert single[place].scores == pytest.approx(among, abs=1e-4)
    assert several[1].status == "empty"


def test_large_spaces_without_a_tree_are_refused(folders: dict[str, Path], make_task: Make) -> None:
    many = LabelSpace(Label(f"L{i}", "") for i in range(201))
    model = entails(folders["bert"])
    refusal = model.obstacle(make_task("multi-label"), many) or ""
    assert refusal.startswith("entail asks about every label; 201 labels")


def test_pairs_that_are_no_frame_are_tokenised_as_pairs(
    folders: dict[str, Path],
    items: list[Item],
    space: LabelSpace,
    make_task: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task = make_task("multi-label")
    plain = list(entails(folders["bert"]).predict(task, space, items))
    monkeypatch.setattr(premises, "pair_form", lambda tokenizer: None)
    model = entails(folders["bert"])
    found = list(model.predict(task, space, items))
    assert model.record["pairs"] == "tokenised as pairs"
    for one, two in zip(plain, found, strict=True):
        assert one.scores == pytest.approx(two.scores, abs=1e-6)
        assert (one.tokens_in, one.truncated_input) == (two.tokens_in, two.truncated_input)


def test_form_of_a_pair(folders: dict[str, Path]) -> None:
    class Swapping:
        """Puts the second text first where it is the longer one."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __call__(self, *texts: Any, **options: Any) -> Any:
            if len(texts) == 2:
                texts = (texts[1], texts[0])
            return self.inner(*texts, **options)

    tokenizer = entails(folders["bert"]).head.loaded.tokenizer
    form = pair_form(tokenizer)
    assert form is not None
    cls, sep = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert form.ids([7, 8], [9]) == [cls, 7, 8, sep, 9, sep]
    assert form.first(form.ids([7, 8], [9]), 1) == [7, 8]
    assert pair_form(Swapping(tokenizer)) is None


@pytest.mark.parametrize(
    ("outputs", "contradiction"),
    [(("entailment", "not_entailment"), 1), (("entailment", "neutral", "contradiction"), 2)],
)
def test_probability_that_a_label_applies(
    outputs: tuple[str, ...],
    contradiction: int,
    classifier_folder: Callable[..., Path],
    space: LabelSpace,
    items: list[Item],
    make_task: Make,
) -> None:
    import torch
    import transformers

    folder = classifier_folder("bert", outputs)
    answer = next(entails(folder).predict(make_task("multi-label"), space, items))
    with quiet(), torch.no_grad():
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        network = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
        for label in space.labels:
            hypothesis = f"This report is about {label.definition}."
            given = tokenizer(items[0].text, hypothesis, return_tensors="pt")
            logits = network(**given).logits[0]
            odds = float(logits[0] - logits[contradiction])
            assert answer.scores[label.id] == pytest.approx(1 / (1 + math.exp(-odds)), abs=1e-5)


def test_classifier_without_entailment_is_refused(classifier_folder: Callable[..., Path]) -> None:
    folder = classifier_folder("bert", ("CT", "MR"))
    with pytest.raises(ParrotError, match="outputs \\(CT, MR\\) is called entailment"):
        entails(folder)


@pytest.mark.parametrize("shape", SHAPES)
def test_config_says_that_it_entails(shape: str, folders: dict[str, Path]) -> None:
    assert load_model(f"hf:{folders[shape]}").info.method == "entail"


def test_no_items(folders: dict[str, Path], space: LabelSpace, make_task: Make) -> None:
    assert list(entails(folders["bert"]).predict(make_task("binary"), space, [])) == []
