"""Make `icd10cm.tsv.gz` from the library simple-icd-10-cm, which the extra "test" installs.

Run it as `python data/icd10cm/make_table.py`; the same library gives the same bytes.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

RELEASE = "ICD-10-CM April 2026"
TARGET = Path(__file__).with_name("icd10cm.tsv.gz")


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
    lines = [f"# {RELEASE}\tCDC/NCHS, US government work\tmade by make_table.py"]
    lines += ["\t".join(row) for row in rows()]
    content = gzip.compress("\n".join(lines).encode(), compresslevel=9, mtime=0)
    TARGET.write_bytes(content)
    print(f"{TARGET.name}: {len(lines) - 1:,} rows, {len(content):,} bytes")


if __name__ == "__main__":
    main()
