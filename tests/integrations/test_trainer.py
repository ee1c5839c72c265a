"""Scores inside the loops of evaluate and transformers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics as reference

from parrot_bench import scorer, training_scorer
from parrot_bench.integrations.trainer import scores
from parrot_bench.scoring.metrics.agreement import MatthewsCorrelation
from parrot_bench.scoring.metrics.label_sets import Accuracy, MicroF1, MicroPrecision
from parrot_bench.scoring.metrics.per_label import BalancedAccuracy, MacroF1
from parrot_bench.scoring.metrics.probability import BrierScore
from parrot_bench.task.card import Measure, Task
from parrot_bench.task.labels import Label, LabelSpace

LABELS = ("a", "b", "c", "d")


def initials(gold, predicted):
    """A view: what is before the point."""
    return tuple({each[0] for each in gold}), tuple({each[0] for each in predicted})


def task(kind, *measures):
    return Task(
        name="letters",
        version="1",
        title="Name the letter.",
        kind=kind,
        labels=lambda corpus: LabelSpace(Label(each, each) for each in LABELS),
        gold=lambda report: None,
        without_gold="Left out.",
        measures=measures,
        headline=measures[0].name,
        answer_key="letter",
    )


ONE = task(
    "single-label",
    Measure("accuracy", Accuracy()),
    Measure("balanced_accuracy", BalancedAccuracy(LABELS)),
    Measure("macro_f1", MacroF1(LABELS)),
    Measure("mcc", MatthewsCorrelation(LABELS)),
    Measure("brier", BrierScore(LABELS)),
)
MANY = task(
    "multi-label",
    Measure("micro_f1", MicroF1()),
    Measure("macro_f1", MacroF1(LABELS)),
    Measure("subset", Accuracy()),
    Measure("initials", MicroF1(), initials),
)


def by_scikit_learn(y, p):
    return {
        "accuracy": reference.accuracy_score(y, p),
        "balanced_accuracy": reference.balanced_accuracy_score(y, p),
        "macro_f1": reference.f1_score(y, p, average="macro"),
        "mcc": reference.matthews_corrcoef(y, p),
    }


def test_the_scorer_is_a_metric_of_evaluate(monkeypatch, tmp_path):
    import evaluate

    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path)
    gold = [("a",), ("b",), ("c",), ("d",)] * 5
    said = [("a",), ("b",), ("d",), ("d",), ("a",)] * 4
    metric = scorer(ONE)
    assert isinstance(metric, evaluate.Metric)
    assert metric.description == "Name the letter."
    expected = by_scikit_learn([g[0] for g in gold], [s[0] for s in said])
    found = metric.compute(
        predictions=[list(each) for each in said], references=[list(each) for each in gold]
    )
    assert found == pytest.approx(expected)
    # A batch at a time, as its users do.
    for start in range(0, len(gold), 8):
        part = slice(start, start + 8)
        metric.add_batch(
            predictions=[list(each) for each in said[part]],
            references=[list(each) for each in gold[part]],
        )
    assert metric.compute() == pytest.approx(expected)


def test_the_scorer_scores_sets_of_labels_under_the_views_of_the_task(monkeypatch, tmp_path):
    import evaluate

    monkeypatch.setattr(evaluate.config, "HF_METRICS_CACHE", tmp_path)
    # Codes: one of three right, so 2 * 1 / (2 + 3); initials: {a} of {a, b}, {} of {a}:
    # 2 * 1 / (1 + 3). No letter alone is gold: no macro-F1.
    found = scorer(MANY).compute(predictions=[["a1", "a3"], []], references=[["a1", "b2"], ["a4"]])
    assert found == pytest.approx({"micro_f1": 0.4, "subset": 0.0, "initials": 0.5})


def test_undefined_measures_are_left_out():
    precision = task("multi-label", Measure("p", MicroPrecision()), Measure("f1", MicroF1()))
    assert scores(precision, [("a",)], [()]) == {"f1": 0.0}


def test_several_labels_where_one_was_asked_for_are_wrong():
    found = scores(ONE, [("a",), ("b",)], [("a", "b"), ("b",)])
    assert found["accuracy"] == found["balanced_accuracy"] == 0.5


def test_nothing_and_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="0 references and 0 predictions"):
        scores(ONE, [], [])
    with pytest.raises(ValueError, match="2 references and 1 predictions"):
        scores(ONE, [("a",)] * 2, [("a",)])
    with pytest.raises(ValueError, match="exactly one of the 4 labels"):
        scores(ONE, [("z",)], [("a",)])


def outputs(logits, wanted):
    return SimpleNamespace(predictions=np.asarray(logits), label_ids=np.asarray(wanted))


def test_the_likeliest_class_is_the_answer():
    generator = np.random.default_rng(0)
    logits, wanted = generator.normal(size=(60, 4)), np.arange(60) % 4
    found = training_scorer(ONE, LABELS)(outputs(logits, wanted))
    assert found == pytest.approx(by_scikit_learn(wanted, logits.argmax(axis=1)))
    # A model may give hidden states after its logits.
    with_more = SimpleNamespace(predictions=(logits, logits), label_ids=wanted)
    assert training_scorer(ONE, LABELS)(with_more) == found
    # The head may hold the labels in another order.
    turned = training_scorer(ONE, LABELS[::-1])(outputs(logits[:, ::-1], 3 - wanted))
    assert turned == pytest.approx(found)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_labels_above_the_threshold_are_the_answer(threshold):
    generator = np.random.default_rng(1)
    logits, wanted = generator.normal(size=(50, 4)), generator.integers(0, 2, (50, 4))
    found = training_scorer(MANY, LABELS, threshold=threshold)(outputs(logits, wanted))
    said = 1 / (1 + np.exp(-logits)) >= threshold
    assert found["micro_f1"] == pytest.approx(reference.f1_score(wanted, said, average="micro"))
    assert found["macro_f1"] == pytest.approx(reference.f1_score(wanted, said, average="macro"))
    assert found["subset"] == pytest.approx(reference.accuracy_score(wanted, said))


def test_bad_outputs_are_refused():
    score = training_scorer(ONE, LABELS)
    with pytest.raises(ValueError, match=r"shape \(2, 3\); \(n, 4\) was expected"):
        score(outputs(np.zeros((2, 3)), [0, 1]))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        score(outputs(np.zeros(2), [0, 1]))
    with pytest.raises(ValueError, match="A logit is not a number"):
        score(outputs([[0, 0, 0, np.nan]], [1]))
    for wrong in (-100, -1, 4):
        with pytest.raises(ValueError, match="Class numbers are 0 to 3; gold holds another"):
            score(outputs(np.zeros((2, 4)), [0, wrong]))
    with pytest.raises(ValueError, match="1 references and 2 predictions"):
        score(outputs(np.zeros((2, 4)), [0]))
    for threshold in (0, 1, -0.5, float("nan")):
        with pytest.raises(ValueError, match="above 0 and below 1"):
            training_scorer(MANY, LABELS, threshold=threshold)


@pytest.mark.parametrize("kind", ["single-label", "multi-label"])
def test_a_trainer_reports_the_scores_of_a_tiny_encoder(kind, tmp_path):
    import torch
    from transformers import (
        BertConfig,
        BertForSequenceClassification,
        Trainer,
        TrainingArguments,
    )

    torch.manual_seed(0)
    many = kind == "multi-label"
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=30,
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=8,
            num_labels=4,
            problem_type=f"{kind.replace('-', '_')}_classification",
        )
    )
    generator = torch.Generator().manual_seed(0)
    rows = [
        {
            "input_ids": torch.randint(30, (6,), generator=generator),
            "attention_mask": torch.ones(6, dtype=torch.long),
            "labels": torch.tensor([i % 2, 1, 0, i % 3 > 0]).float() if many else i % 4,
        }
        for i in range(12)
    ]
    wanted = MANY if many else ONE
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(tmp_path),
            max_steps=2,
            per_device_train_batch_size=4,
            eval_strategy="steps",
            eval_steps=1,
            save_strategy="no",
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=rows,
        eval_dataset=rows,
        compute_metrics=training_scorer(wanted, LABELS),
    )
    before = [each.detach().clone() for each in model.parameters()]
    trainer.train()
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    seen = [each for each in trainer.state.log_history if "eval_loss" in each]
    assert len(seen) == 2
    with torch.no_grad():
        model.eval()
        inputs = {k: torch.stack([row[k] for row in rows]) for k in rows[0] if k != "labels"}
        logits = model(**inputs).logits.numpy()
    if many:
        y, p = np.array([row["labels"].numpy() for row in rows]), logits >= 0
        expected = reference.f1_score(y, p, average="micro")
        assert seen[-1]["eval_micro_f1"] == pytest.approx(expected)
    else:
        expected = by_scikit_learn([row["labels"] for row in rows], logits.argmax(axis=1))
        for name, figure in expected.items():
            assert seen[-1][f"eval_{name}"] == pytest.approx(figure)
        # What reads probabilities is not scored here.
        assert "eval_brier" not in seen[-1]
