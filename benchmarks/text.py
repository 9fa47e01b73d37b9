"""How much of the tests' corpus of texts each pair of dialects carries without loss, and how fast: ``python -m benchmarks.text``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from mappings.text.convert import READERS, WRITERS
from mappings.text.document import Dialect

ROUNDS = 3


def main() -> None:
    """Prints three tables: fidelity and conversions a second of CPU per pair, and readings and writings a second per dialect."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "mappings"))
    from fidelity import corpus, fidelity  # noqa: PLC0415 — the corpus belongs to the tests

    def carried(source: Dialect, target: Dialect) -> str:
        found = fidelity(source, target)
        return f"{found.carried} ({found.as_they_are})"

    print(
        f"{len(corpus('markdown'))} documents; carried without loss from the row to the column, (without a part as Markdown)"
    )
    _table(carried)
    print("\nconversions a second of CPU")
    _table(lambda source, target: _rate(corpus(source), source, target))
    print("\nreadings and writings a second of CPU")
    for dialect in sorted(READERS):
        read, write = _rates(corpus(dialect), dialect)
        print(f"{dialect:>10}{read:>12,.0f}{write:>12,.0f}")


def _table(cell: Callable[[Dialect, Dialect], str]) -> None:
    names = sorted(READERS)
    print("".join(f"{name:>11}" for name in ("", *names)))
    found = {pair: cell(*pair) if pair[0] != pair[1] else "=" for pair in product(names, names)}
    for source in names:
        print(f"{source:>11}" + "".join(f"{found[source, target]:>11}" for target in names))


def _rate(texts: tuple[str, ...], source: Dialect, target: Dialect) -> str:
    begun = time.process_time()
    for _ in range(ROUNDS):
        for text in texts:
            WRITERS[target](READERS[source](text))
    return f"{ROUNDS * len(texts) / (time.process_time() - begun):.0f}"


def _rates(texts: tuple[str, ...], dialect: Dialect) -> tuple[float, float]:
    begun = time.process_time()
    documents = [READERS[dialect](text) for _ in range(ROUNDS) for text in texts]
    read = time.process_time()
    for document in documents:
        WRITERS[dialect](document)
    written = time.process_time()
    return len(documents) / (read - begun), len(documents) / (written - read)


if __name__ == "__main__":
    main()
