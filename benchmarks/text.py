"""How much of the tests' corpus of texts each pair of dialects carries without loss, and how fast: ``python -m benchmarks.text``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from mappings.text.convert import READERS, WRITERS, canonical, convert

ROUNDS = 5


def main() -> None:
    """Prints two tables: texts that agree after one conversion, and conversions a second of CPU (reading and writing)."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "mappings"))
    from text_corpus import CORPUS  # noqa: PLC0415 — the corpus belongs to the tests

    print(f"{len(CORPUS)} texts; carried without loss, from the row to the column")
    _table(lambda source, target: _carried(CORPUS, source, target))
    print("\nconversions a second of CPU")
    _table(lambda source, target: _rate(CORPUS, source, target))


def _table(cell) -> None:  # noqa: ANN001 — a function of two dialects
    names = sorted(READERS)
    print("".join(f"{name:>10}" for name in ("", *names)))
    for source in names:
        cells = (cell(source, target) if source != target else "=" for target in names)
        print(f"{source:>10}" + "".join(f"{each:>10}" for each in cells))


def _texts(corpus: list[str], dialect: str) -> list[str]:
    """The corpus as the dialect's own texts: what it can hold of it."""
    return [text for text in (convert(each, "markdown", dialect) for each in corpus) if text]


def _carried(corpus: list[str], source: str, target: str) -> str:
    texts = _texts(corpus, source)
    kept = sum(canonical(text, source) == canonical(convert(text, source, target), target) for text in texts)
    return f"{kept}/{len(texts)}"


def _rate(corpus: list[str], source: str, target: str) -> str:
    texts = _texts(corpus, source)
    begun = time.process_time()
    for _ in range(ROUNDS):
        for text in texts:
            WRITERS[target](READERS[source](text))
    return f"{ROUNDS * len(texts) / (time.process_time() - begun):.0f}"


if __name__ == "__main__":
    main()
