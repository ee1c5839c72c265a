"""A task's scores inside other people's loops: `evaluate.Metric`, and `transformers.Trainer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from parrot_bench.scoring.contract import Labels, Metric

if TYPE_CHECKING:
    import evaluate


class Measured(Protocol):
    """What is needed of a task's measure."""

    @property
    def name(self) -> str:
        """Name of the figure."""
        ...

    @property
    def metric(self) -> Metric:
        """The metric."""
        ...

    @property
    def view(self) -> Callable[[Labels, Labels], tuple[Labels, Labels]]:
        """What of the labels the metric compares."""
        ...


class Scored(Protocol):
    """What is needed of a task: see `parrot_bench.task.card.Task`."""

    @property
    def name(self) -> str:
        """Name of the task."""
        ...

    @property
    def title(self) -> str:
        """One line about it."""
        ...

    @property
    def kind(self) -> str:
        """How many labels an answer may hold."""
        ...

    @property
    def measures(self) -> Sequence[Measured]:
        """Its measures."""
        ...


def scores(task: Scored, gold: Sequence[Labels], predicted: Sequence[Labels]) -> dict[str, float]:
    """Value of every measure of a task that reads decided labels; undefined ones are left out.

    Several labels where one was asked for count as no answer, as in a run.

    Args:
        task: A task, from `parrot_bench.get_task`.
        gold: Gold labels of each report, shape (n,).
        predicted: Predicted labels of each report, shape (n,).

    Raises:
        ValueError: If there is no report, or the lengths differ.
    """
    if not gold or len(gold) != len(predicted):
        raise ValueError(
            f"{len(gold)} references and {len(predicted)} predictions; one of each was expected "
            "for at least one report."
        )
    if task.kind != "multi-label":
        predicted = [each if len(each) == 1 else () for each in predicted]
    found = {}
    for measure in task.measures:
        if measure.metric.reads != "labels":
            continue
        seen = [measure.view(g, p) for g, p in zip(gold, predicted, strict=True)]
        wanted, said = [g for g, _ in seen], [p for _, p in seen]
        metric = measure.metric.fixed_for(wanted)
        value = float(metric.value(np.asarray(metric.contributions(wanted, said).sum(axis=0))))
        if isfinite(value):
            found[measure.name] = value
    return found


def scorer(task: Scored) -> evaluate.Metric:
    """The measures of a task as a metric of the library evaluate.

    Its `compute(predictions=..., references=...)` takes a list of label names for each report, for
    single-label tasks a list of one, and returns a value by measure.

    Args:
        task: A task, from `parrot_bench.get_task`.
    """
    import datasets
    import evaluate

    class TaskScore(evaluate.Metric):  # type: ignore[misc]  # the library has no types
        def _info(self) -> evaluate.MetricInfo:
            labels = datasets.List(datasets.Value("string"))
            return evaluate.MetricInfo(
                description=task.title,
                citation="",
                features=datasets.Features({"predictions": labels, "references": labels}),
            )

        def _compute(
            self, predictions: Sequence[Sequence[str]], references: Sequence[Sequence[str]]
        ) -> dict[str, float]:
            return scores(
                task, [tuple(each) for each in references], [tuple(p) for p in predictions]
            )

    return TaskScore(config_name=task.name)


def training_scorer(
    task: Scored, labels: Sequence[str], *, threshold: float = 0.5
) -> Callable[[Any], Mapping[str, float]]:
    """A `compute_metrics` function for `transformers.Trainer`.

    Args:
        task: A task, from `parrot_bench.get_task`.
        labels: Label of each output of the classification head, in order.
        threshold: Multi-label: probability (logistic function of the logit) from which a label is
            predicted, between 0 and 1.

    Returns:
        A function of an `EvalPrediction` with logits of shape (n, L) and `label_ids` of class
        numbers, shape (n,), or of zeros and ones, shape (n, L) for multi-label tasks.

    Raises:
        ValueError: If the threshold is out of range; from the function, if the head has another
            number of outputs, a logit is not a number or gold is none of the labels.
    """
    if not 0 < threshold < 1:
        raise ValueError(f"The threshold is {threshold}; above 0 and below 1 was expected.")
    cut = float(np.log(threshold / (1 - threshold)))

    def compute_metrics(prediction: Any) -> Mapping[str, float]:
        outputs = prediction.predictions
        logits = np.asarray(outputs[0] if isinstance(outputs, tuple) else outputs)
        wanted = np.asarray(prediction.label_ids)
        if logits.ndim != 2 or logits.shape[1] != len(labels):
            raise ValueError(
                f"The head gives outputs of shape {logits.shape}; (n, {len(labels)}) was expected."
            )
        if np.isnan(logits).any():
            raise ValueError("A logit is not a number; lower the learning rate or check the data.")
        if task.kind == "multi-label":
            gold, said = _names(wanted > 0, labels), _names(logits >= cut, labels)
        else:
            if ((wanted < 0) | (wanted >= len(labels))).any():
                raise ValueError(f"Class numbers are 0 to {len(labels) - 1}; gold holds another.")
            gold = [(labels[int(i)],) for i in wanted]
            said = [(labels[int(i)],) for i in logits.argmax(axis=1)]
        return scores(task, gold, said)

    return compute_metrics


def _names(chosen: Any, labels: Sequence[str]) -> list[Labels]:
    return [tuple(label for label, on in zip(labels, row, strict=True) if on) for row in chosen]
