"""Baselines: what any model must beat, and what `make run` runs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from parrot_bench.errors import unknown
from parrot_bench.models.base import Model, ModelInfo, Prediction
from parrot_bench.models.keyword import KeywordModel
from parrot_bench.task import Item, Labels, LabelSpace, Task


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

    It is trained on the evaluated data, out of fold by contributor: what it shows is how much of a
    task can be learnt from that data, not how well a model does that has never seen it.
    """

    info: ModelInfo
    folds: int = 5
    rarest: int = 3

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
        scores = self._out_of_fold(task, items)
        for item, found in zip(items, scores, strict=True):
            if isinstance(found, str):
                yield Prediction(item.report_id, (), status="failed", note=found)
                continue
            ranked = sorted(found, key=lambda label: (-found[label], label))
            sure = tuple(label for label, score in found.items() if score >= 0.5)
            decided = sure if task.kind == "multi-label" and sure else tuple(ranked[:1])
            yield Prediction(item.report_id, decided, found)

    def _out_of_fold(self, task: Task, items: Sequence[Item]) -> list[dict[str, float] | str]:
        import numpy as np
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.model_selection import GroupKFold

        # Near copies are of one group, so that no report is answered by its own twin.
        groups = _joined_groups(items)
        found: list[dict[str, float] | str] = ["the data has a single contributor"] * len(items)
        folds = min(self.folds, len(set(groups)))
        if folds < 2:
            return found
        texts = np.array([item.text for item in items], dtype=object)
        splitter = GroupKFold(folds)
        for train, test in splitter.split(texts, groups=groups):
            vectors = TfidfVectorizer(
                analyzer="char_wb",
                ngram_range=(2, 4),
                max_features=30_000,
                sublinear_tf=True,
                dtype=np.float32,
            )
            learnt = vectors.fit_transform(texts[train])
            gold = [items[i].gold for i in train]
            probabilities = self._fit(task, learnt, gold, vectors.transform(texts[test]))
            for i, row in zip(test, probabilities, strict=True):
                found[i] = row
        return found

    def _fit(
        self, task: Task, learnt: object, gold: Sequence[Labels], asked: object
    ) -> list[dict[str, float]]:
        import numpy as np
        from sklearn.linear_model import LogisticRegression

        counts = Counter(label for each in gold for label in each)
        known = sorted(label for label in counts if counts[label] >= self.rarest)
        known = known or sorted(counts)
        rows: list[dict[str, float]] = [{} for _ in range(asked.shape[0])]  # type: ignore[attr-defined]
        if task.kind != "multi-label" and len(counts) == 1:
            return [dict.fromkeys(counts, 1.0) for _ in rows]  # nothing to tell apart
        if task.kind != "multi-label":
            model = LogisticRegression(C=10, max_iter=300).fit(learnt, [each[0] for each in gold])
            for row, chances in zip(rows, model.predict_proba(asked), strict=True):
                row.update(zip(model.classes_.tolist(), chances.tolist(), strict=True))
            return rows
        for label in known:
            target = np.array([label in each for each in gold])
            if target.all():
                chances = np.ones(len(rows))
            else:
                model = LogisticRegression(C=10, solver="liblinear", random_state=0)
                chances = model.fit(learnt, target).predict_proba(asked)[:, 1]
            for row, chance in zip(rows, chances.tolist(), strict=True):
                row[label] = chance
        return rows


def _joined_groups(items: Sequence[Item]) -> list[int]:
    """Groups of reports that share a contributor or a near-duplicate cluster."""
    from parrot_bench.corpus.duplicates import clusters

    first: dict[tuple[str, str], int] = {}
    pairs = []
    for i, item in enumerate(items):
        keys = [("author", item.author)]
        if item.cluster >= 0:
            keys.append(("cluster", str(item.cluster)))
        pairs += [(first.setdefault(key, i), i) for key in keys]
    return clusters(len(items), pairs)


def _majority(seed: int) -> Model:  # noqa: ARG001
    return MajorityModel(_info("majority", fitted=True))


def _prior(seed: int) -> Model:
    return PriorModel(_info("prior", fitted=True, seed=seed))


def _always_z00(seed: int) -> Model:  # noqa: ARG001
    return AlwaysNormalModel(_info("always-z00"))


def _keyword(seed: int) -> Model:  # noqa: ARG001
    return KeywordModel()


def _tfidf(seed: int) -> Model:  # noqa: ARG001
    return TfidfModel(_info("tfidf", fitted=True, folds=TfidfModel.folds))


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
