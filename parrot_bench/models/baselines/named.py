"""Baselines by name."""

from __future__ import annotations

from collections.abc import Callable

from parrot_bench.errors import unknown
from parrot_bench.models.base import Model, ModelInfo
from parrot_bench.models.baselines.constant import AlwaysNormalModel, MajorityModel, PriorModel
from parrot_bench.models.baselines.keyword import KeywordModel
from parrot_bench.models.baselines.tfidf import TfidfModel
from parrot_bench.models.out_of_fold import FOLDS


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
