"""Make `icd10cm.tsv.gz` from the library simple-icd-10-cm, which the extra "test" installs.

Run it as `python data/icd10cm/make_table.py`; the same library gives the same bytes.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

TARGET = Path(__file__).with_name("icd10cm.tsv.gz")


def release() -> str:
    """Name of the release that the library holds, from its list of codes.

    Raises:
        ValueError: If the library does not name one release.
    """
    names = " ".join(sorted(file.name for file in files("simple_icd_10_cm.data").iterdir()))
    (found,) = re.findall(r"code-list-([A-Za-z]+-\d{4})\.txt", names)
    return f"ICD-10-CM {found.replace('-', ' ')}"


def shortened(row: tuple[str, str, str, str], described: dict[str, str]) -> tuple[str, ...]:
    """A row without what others say; `described` has the descriptions of the rows before it.

    The parent is left out of a code that is its parent and one character more, and the parent's
    description at the beginning of a description is written "^". It saves a third of the file.
    """
    name, parent, leaf, description = row
    above = described.get(parent, "")
    if above and description.startswith(above):
        description = "^" + description.removeprefix(above)
    plain = "-" not in name and parent == name[:-1].rstrip(".")
    return name, "" if plain else parent, leaf, description


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Identifier, parent, whether it is a billable leaf, description, in tabular order.

    The library gives a block of a single category the same name as the category and takes the one
    for the other; here such a block is called like any other, "B10-B10".
    """
    import simple_icd_10_cm as cm

    items = cm.get_all_codes(True)
    twice = {item for item in items if cm.is_block(item) and "-" not in item}
    parents = {cm.get_parent(item) for item in items if item not in twice}
    chapter, seen = "", set[str]()
    for item in items:
        description = " ".join(cm.get_description(item).split())
        if cm.is_chapter(item):
            chapter, parent, leaf = item, "", "0"
        elif item in twice and item not in seen:
            seen.add(item)
            yield f"{item}-{item}", chapter, "0", description
            continue
        elif item in twice:
            parent, leaf = f"{item}-{item}", "0" if item in parents else "1"
        else:
            parent, leaf = cm.get_parent(item), "0" if item in parents else "1"
        yield item, parent, leaf, description


def main() -> None:
    """Write the table: chapters, blocks and codes."""
    lines = [f"# {release()}\tCDC/NCHS, US government work\tmade by make_table.py"]
    described: dict[str, str] = {}
    for row in rows():
        lines.append("\t".join(shortened(row, described)))
        described[row[0]] = row[3]
    content = gzip.compress("\n".join(lines).encode(), compresslevel=9, mtime=0)
    TARGET.write_bytes(content)
    print(f"{TARGET.name}: {len(lines) - 1:,} rows, {len(content):,} bytes")


if __name__ == "__main__":
    main()
