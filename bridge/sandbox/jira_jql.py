"""The grammar of the part of JQL that the Jira sandbox understands; anything else is an error, as an unknown field is to Jira."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.sandbox.jira_terms import COMPARE, JqlError, Terms, Test, Word

if TYPE_CHECKING:
    from bridge.sandbox.jira import JiraSandbox

TOKEN = re.compile(
    r'\s*(?:("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(!=|!~|<=|>=|[=<>~(),])|(cf\[\d+\]|[^\s=<>~!(),"\']+))'
)
ORDERS: dict[str, Callable[[Any], Any]] = {
    "updated": lambda row: row.updated, "updateddate": lambda row: row.updated,
    "created": lambda row: row.created, "createddate": lambda row: row.created,
    "id": lambda row: row.id, "key": lambda row: (row.key.rpartition("-")[0], int(row.key.rpartition("-")[2])),
    "issuekey": lambda row: (row.key.rpartition("-")[0], int(row.key.rpartition("-")[2])),
    "summary": lambda row: row.summary.casefold(), "priority": lambda row: int(row.priority or 9),
    "duedate": lambda row: row.due or "9", "due": lambda row: row.due or "9", "status": lambda row: row.status,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """``order`` is (key function, descending). ``bounded`` is False when nothing restricts the query."""

    test: Test
    order: tuple[tuple[Callable[[Any], Any], bool], ...]
    bounded: bool


def parse(box: JiraSandbox, text: str, who: str, *, strict: bool = True) -> Query:
    """Read a query for the person who asks. ``strict`` refuses values that do not exist.

    Raises: JqlError in Jira's manner.
    """
    return _Parser(box, _tokens(text), who, strict=strict).query()


def _tokens(text: str) -> list[Word]:
    found, place = [], 0
    while text[place:].strip():
        match = TOKEN.match(text, place)
        if match is None:
            raise JqlError(f"Error in the JQL Query: The character '{text[place:].strip()[0]}' is not allowed here.")
        quoted, sign, word = match.groups()
        if quoted:
            found.append(Word(re.sub(r"\\(.)", r"\1", quoted[1:-1]), quoted=True))
        else:
            found.append(Word(sign or word))
        place = match.end()
    return found


class _Parser:
    def __init__(self, box: JiraSandbox, words: list[Word], who: str, *, strict: bool) -> None:
        self.words, self.terms, self.place = words, Terms(box, who, strict=strict), 0

    def peek(self, ahead: int = 0) -> Word:
        place = self.place + ahead
        return self.words[place] if place < len(self.words) else Word("")

    def next(self) -> Word:
        word = self.peek()
        self.place += 1
        return word

    def take(self, *words: str) -> bool:
        """Step over these words when they come next."""
        if all(self.peek(ahead).low == word for ahead, word in enumerate(words)):
            self.place += len(words)
            return True
        return False

    def query(self) -> Query:
        bounded = bool(self.words) and self.peek().low != "order"
        test: Test = self.either() if bounded else (lambda _: True)
        order = self.order() if self.take("order", "by") else ((ORDERS["id"], True),)
        if self.place < len(self.words):
            raise JqlError(f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{self.peek().text}'.")
        return Query(test, order, bounded)

    def order(self) -> tuple[tuple[Callable[[Any], Any], bool], ...]:
        found = []
        while True:
            name = self.next().text.lower()
            if name not in ORDERS:
                raise JqlError(f"Not able to sort using field '{name}'.")
            down = self.take("desc")
            found.append((ORDERS[name], down))
            if not down:
                self.take("asc")
            if not self.take(","):
                return tuple(found)

    def either(self) -> Test:
        tests = [self.every()]
        while self.take("or"):
            tests.append(self.every())
        return tests[0] if len(tests) == 1 else (lambda issue: any(test(issue) for test in tests))

    def every(self) -> Test:
        tests = [self.one()]
        while self.take("and"):
            tests.append(self.one())
        return tests[0] if len(tests) == 1 else (lambda issue: all(test(issue) for test in tests))

    def one(self) -> Test:
        if self.take("not"):
            test = self.one()
            return lambda issue: not test(issue)
        if self.take("("):
            test = self.either()
            if not self.take(")"):
                raise JqlError("Error in the JQL Query: Expecting ')' before the end of the query.")
            return test
        return self.clause()

    def clause(self) -> Test:
        field = self.next()
        if not field.text or (field.text in "=<>~(),!" and not field.quoted):
            raise JqlError(f"Error in the JQL Query: Expecting a field name but got '{field.text or 'the end'}'.")
        sign = self.sign()
        if sign in ("is", "is not"):
            if self.next().low not in ("empty", "null"):
                raise JqlError("Error in the JQL Query: 'is' goes with EMPTY only.")
            return self.terms.test(field, "=" if sign == "is" else "!=", None)
        if sign in ("in", "not in"):
            tests = [self.terms.test(field, "=", value) for value in self.list()]
            inside: Test = lambda issue: any(test(issue) for test in tests)  # noqa: E731 - one of two of a kind
            return inside if sign == "in" else (lambda issue: not inside(issue))
        return self.terms.test(field, sign, self.value())

    def sign(self) -> str:
        word = self.next().low
        if word in ("is", "not"):
            longer = self.take("not") if word == "is" else self.take("in")
            if word == "not" and not longer:
                raise JqlError("Error in the JQL Query: Expecting 'IN' after 'NOT'.")
            return {("is", True): "is not", ("is", False): "is"}.get((word, longer), "not in")
        if word in (*COMPARE, "~", "!~", "in"):
            return word
        raise JqlError(f"Error in the JQL Query: Expecting an operator but got '{word or 'the end'}'.")

    def list(self) -> list[Word]:
        if not self.take("("):
            raise JqlError("Error in the JQL Query: Expecting '(' after IN.")
        found = [self.value()]
        while self.take(","):
            found.append(self.value())
        if not self.take(")"):
            raise JqlError("Error in the JQL Query: Expecting ')' at the end of the list.")
        return found

    def value(self) -> Word:
        word = self.next()
        if not word.quoted and (not word.text or word.text in "=<>~(),"):
            raise JqlError(f"Error in the JQL Query: Expecting a value but got '{word.text or 'the end'}'.")
        if not word.quoted and self.take("("):
            if not self.take(")"):
                raise JqlError(f"Unable to find JQL function '{word.text}' with these arguments.")
            if word.low == "currentuser":
                return Word(self.terms.who, quoted=True)
            if word.low == "now":
                return Word(str(round(self.terms.box.clock.now() * 1000)))
            raise JqlError(f"Unable to find JQL function '{word.text}()'.")
        return word
