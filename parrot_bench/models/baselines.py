"""Baselines: what any model must beat, and what `make run` runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from parrot_bench.errors import unknown
from parrot_bench.models.base import Model, ModelInfo
from parrot_bench.models.keyword import KeywordModel
from parrot_bench.models.out_of_fold import FOLDS, STRENGTH, Learner, answer, out_of_fold
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

if TYPE_CHECKING:
    from parrot_bench.models.out_of_fold import Chances, Rows, Targets


@dataclass(frozen=True)
class MajorityModel:
    """Always the label that is most frequent in the evaluated data."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be answered."""
        return None

    def predict(
        self,
        task: Task,  # noqa: ARG002
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """The most frequent gold label, ties in alphabetical order."""
        counts = Counter(label for item in items for label in item.gold)
        ranked = sorted(counts, key=lambda label: (-counts[label], label))
        scores = {label: count / len(items) for label, count in counts.items()}
        for item in items:
            yield Prediction(item.report_id, tuple(ranked[:1]), scores)


@dataclass(frozen=True)
class PriorModel:
    """Answers drawn at random from the gold answers of the evaluated data."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be answered."""
        return None

    def predict(
        self,
        task: Task,
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """The gold answer of some report, drawn by seed, task and report alone."""
        answers = sorted(item.gold for item in items)
        seed = self.info.settings["seed"]
        for item in items:
            key = f"{seed}/{task.name}/{item.report_id}".encode()
            draw = int.from_bytes(hashlib.sha256(key).digest()[:8])
            yield Prediction(item.report_id, answers[draw % len(answers)])


@dataclass(frozen=True)
class AlwaysNormalModel:
    """Always Z00, the code of a normal study: 330 of PARROT's reports carry it."""

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Only ICD coding has the code."""
        return None if "Z00" in labels.ids else "always-z00 answers with an ICD code."

    def predict(
        self,
        task: Task,  # noqa: ARG002
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """Z00 for every item."""
        for item in items:
            yield Prediction(item.report_id, ("Z00",))


@dataclass(frozen=True)
class TfidfModel:
    """Logistic regression on character n-grams, each report answered by a model of other authors.

    It is trained on the evaluated data, as `out_of_fold` says.
    """

    info: ModelInfo

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """Any task can be learnt; predict() needs two contributors."""
        return None

    def predict(
        self,
        task: Task,
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """Out-of-fold answers.

        Multi-label answers hold the labels with a probability of one half or more, or the
        likeliest where there is none; labels seen fewer than three times are not learnt.
        """
        learner = Learner(partial(_ngrams, [item.text for item in items]), _one_by_one)
        scores = out_of_fold(task.kind, items, learner)
        for item, found in zip(items, scores, strict=True):
            yield answer(task.kind, item.report_id, found)


def _ngrams(texts: Sequence[str], train: Rows, asked: Rows) -> tuple[Any, Any]:
    """TF-IDF of character n-grams, weighted as the training part has them."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(
        analyzer="char_wb",
        ngram_range=(2, 4),
        max_features=30_000,
        sublinear_tf=True,
        dtype=np.float32,
    )
    learnt = vectors.fit_transform([texts[i] for i in train])
    return learnt, vectors.transform([texts[i] for i in asked])


def _one_by_one(learnt: Any, targets: Targets, asked: Any) -> Chances:
    """A regression of its own for each label, by a solver made for sparse rows."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    found = []
    for target in targets.T:
        model = LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0)
        found.append(model.fit(learnt, target).predict_proba(asked)[:, 1])
    return np.stack(found, axis=1)


def _majority(seed: int) -> Model:  # noqa: ARG001
    return MajorityModel(_info("majority", fitted=True))


def _prior(seed: int) -> Model:
    return PriorModel(_info("prior", fitted=True, seed=seed))


def _always_z00(seed: int) -> Model:  # noqa: ARG001
    return AlwaysNormalModel(_info("always-z00"))


def _keyword(seed: int) -> Model:  # noqa: ARG001
    return KeywordModel()


def _tfidf(seed: int) -> Model:  # noqa: ARG001
    return TfidfModel(_info("tfidf", fitted=True, folds=FOLDS))


def _info(name: str, *, fitted: bool = False, **settings: int) -> ModelInfo:
    return ModelInfo(
        spec=f"baseline:{name}",
        name=f"baseline:{name}",
        method="fit" if fitted else "rule",
        trained_on_data=fitted,
        probabilities=name == "tfidf",
        settings=dict(settings),
    )


BASELINES: dict[str, Callable[[int], Model]] = {
    "majority": _majority,
    "prior": _prior,
    "always-z00": _always_z00,
    "keyword": _keyword,
    "tfidf": _tfidf,
}


def load_baseline(name: str, seed: int = 0) -> Model:
    """A baseline by name.

    Args:
        name: "majority", "prior", "always-z00", "keyword" or "tfidf".
        seed: Seed of what is random in it.

    Raises:
        ParrotError: If there is no such baseline.
    """
    if name not in BASELINES:
        raise unknown("baseline", name, BASELINES)
    return BASELINES[name](seed)
