"""The keyword baseline: lexicons in fifteen languages, no learning, readable in a minute.

For modality and region it counts the words that point to each label; for ICD coding it looks up a
small dictionary of findings and leaves out those that the sentence negates. It guesses nothing: a
text without such words gets an empty answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from parrot_bench.models.base import ModelInfo
from parrot_bench.resources import data_path, read_table
from parrot_bench.task.card import Task
from parrot_bench.task.item import Item, Prediction, Status
from parrot_bench.task.labels import Labels, LabelSpace
from parrot_bench.vocabulary.lexicon import compile_patterns, fold, lexicon
from parrot_bench.vocabulary.tables import headline_region

OPENING = 150
"""Characters at the start of a report in which a modality's name is most likely its own."""
NAME_IN_OPENING, NAME_LATER, CUE = 6, 2, 1
"""Weights of a modality's name in the opening, of its name further on, and of a cue."""
REGION_SHARE = 0.4
"""A region is answered if it has at least this share of the best region's words."""
CLAUSE_END = re.compile(
    r"[.;:\n!?\u3002\uff1b\uff01\uff1f\uff0c]|, (?:but|aber|mais|ale|pero|ma|maar) "
)
COMMA = re.compile("[,\uff0c\u3001]")
"""How far back a negation reaches that stands after the finding."""
NORMAL = "Z00"


class KeywordModel:
    """Lexicon look-up, without any use of gold labels."""

    info = ModelInfo(spec="baseline:keyword", name="baseline:keyword", method="rule")

    def obstacle(self, task: Task, labels: LabelSpace) -> str | None:  # noqa: ARG002
        """The lexicons serve three tasks."""
        if task.name in ("modality", "region", "icd_coding"):
            return None
        return "baseline:keyword has no lexicon for this task."

    def predict(
        self,
        task: Task,
        labels: LabelSpace,  # noqa: ARG002
        items: Sequence[Item],
    ) -> Iterator[Prediction]:
        """Answer every item from the lexicon of its text's language, in English without one."""
        for item in items:
            text = fold(item.text)
            language = item.text_language if item.text_language in _covered() else "en"
            if task.name == "icd_coding":
                yield _answer(item, findings(text, language))
            elif task.name == "modality":
                scores = modality_scores(text, language)
                yield _answer(item, _share_of_best(scores, 1.0)[:1], scores)
            else:
                scores = region_scores(text, language)
                yield _answer(item, _share_of_best(scores, REGION_SHARE), scores)


def _answer(item: Item, labels: Labels, scores: dict[str, float] | None = None) -> Prediction:
    """The prediction, which is empty without a word that the lexicon knows: no guess is made."""
    status: Status = "ok" if labels else "empty"
    return Prediction(item.report_id, labels, scores or {}, status)


def _share_of_best(scores: dict[str, float], share: float) -> Labels:
    return tuple(each for each in scores if scores[each] >= share * max(scores.values()))


@cache
def _covered() -> frozenset[str]:
    return frozenset(lexicon("region_words", "region"))


def modality_scores(text: str, language: str) -> dict[str, float]:
    """Weight of the words that point to each modality.

    Args:
        text: Folded text.
        language: A language with a lexicon.
    """
    scores: Counter[str] = Counter()
    for modality, names in lexicon("modality_words", "modality", "name")[language].items():
        starts = [match.start() for match in names.finditer(text)]
        if starts:
            scores[modality] += NAME_IN_OPENING if starts[0] < OPENING else NAME_LATER
    for modality, cues in lexicon("modality_words", "modality", "cue")[language].items():
        scores[modality] += CUE * len({match[0] for match in cues.finditer(text)})
    return {modality: float(score) for modality, score in scores.items() if score}


def region_scores(text: str, language: str) -> dict[str, float]:
    """Number of different words that point to each headline region."""
    scores: Counter[str] = Counter()
    for region, words in lexicon("region_words", "region")[language].items():
        scores[headline_region(region)] += len({match[0] for match in words.finditer(text)})
    return {region: float(score) for region, score in scores.items() if score}


def findings(text: str, language: str) -> Labels:
    """Codes of the findings that a text states and does not negate.

    A negation before a finding reaches to the end of the clause, as in a list; one that stands
    after it reaches back to the last comma. A negation inside the words of a finding counts too.

    Args:
        text: Folded text.
        language: A language with a lexicon.

    Returns:
        The codes; Z00 where the text states no finding but negates one or calls something normal;
        nothing where it holds no word that the lexicons know.
    """
    before, after = _negations(language)
    stated: dict[str, None] = {}
    negated = False
    for clause in CLAUSE_END.split(text):
        for code, words in lexicon("finding_words", "code").get(language, {}).items():
            for match in words.finditer(clause):
                if (before and before.search(clause[: match.end()])) or (
                    after and after.search(COMMA.split(clause[match.end() :])[0])
                ):
                    negated = True
                    continue
                stated[code] = None
                break
    if stated:
        return tuple(stated)
    normal = lexicon("normal_words", "")[language][""]
    return (NORMAL,) if negated or normal.search(text) else ()


@cache
def _negations(language: str) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    """Expressions that negate what follows, and what stands before them."""
    rows = [
        row
        for row in read_table(data_path("vocabulary", "negation_words.csv"))
        if row["language"] == language
    ]
    found = []
    for position in ("before", "after"):
        patterns = [row["pattern"] for row in rows if row["position"] == position]
        found.append(compile_patterns(patterns, language) if patterns else None)
    return found[0], found[1]
