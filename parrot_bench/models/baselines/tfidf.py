"""The baseline tfidf: logistic regression on character n-grams, out of fold by contributor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from parrot_bench.models.base import ModelInfo
from parrot_bench.models.out_of_fold import STRENGTH, Learner, answer, out_of_fold
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction
from parrot_bench.task.labels import LabelSpace

if TYPE_CHECKING:
    from parrot_bench.models.out_of_fold import Chances, Rows, Targets


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
