"""Texts as people write them in trackers, each in its dialect; all written for these tests.

Short ones in Markdown stand here, longer ones by name in the files of ``corpus``, what no eye sees in ``text_oddities.py``,
Jira Cloud's documents in ``text_adf.py``. ``SAMPLES`` has all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from text_adf import DOCUMENTS
from text_oddities import ODDITIES

from mappings.text.document import Dialect


@dataclass(frozen=True)
class Sample:
    """One document. ``name`` is unique, and stands above it in its file."""

    name: str
    dialect: Dialect
    text: str


FOLDER = Path(__file__).parent / "corpus"
FILES: dict[str, Dialect] = {
    "markdown-bugs": "markdown",
    "markdown-work": "markdown",
    "markdown-odd": "markdown",
    "wiki": "wiki",
    "textile": "textile",
    "html": "html",
}
SHORT = [
    "Steps to reproduce:\n\n1. Open the settings\n2. Click **Save**\n3. See the error\n\nExpected: saved. Actual: `500 Internal Server Error`.",
    "## Environment\n\n- OS: Debian 12\n- Browser: Firefox 131\n- Version: `v2.4.1-rc.3+build_77`",
    "```python\ndef total(items):\n    return sum(item.price * item.count for item in items)  # **not** bold\n```",
    '```\nTraceback (most recent call last):\n  File "a.py", line 3, in <module>\nValueError: <lambda> & `x`\n```',
    'See https://example.org/a_b_c?x=1&y=2 and [the docs](https://example.org/docs "Read me").',
    "- [ ] write the test\n- [x] find the cause\n  - [x] look at the log\n  - [ ] ask *Käthe*\n- [ ] ship",
    "| Browser | Works |\n| --- | --- |\n| Firefox | yes |\n| Safari | no, see `a|b` |".replace("a|b", "a\\|b"),
    "| Left | Middle | Right |\n| --- | :-: | --: |\n| a | b | 1 |\n| c | d | 22 |",
    "> I think this is wrong.\n>\n> - really\n> - yes\n\nI agree.",
    "> [!WARNING]\n> This deletes data.",
    "![screenshot](https://example.org/shot.png)\n\nThe button is missing.",
    "The icon ![x](https://example.org/x.png) is blurred.",
    "Line one\nline two\n\nAnother paragraph  \nwith a hard break",
    "snake_case_name, 2*3*4, a < b && c > d, C:\\temp\\new, 50% ~ 60%, [brackets], {braces}, #12, @ann, !important",
    "\\*not bold\\* and \\_not italic\\_ and \\`not code\\`",
    "# Title\n\n## Part *one*\n\nText\n\n### Part `two`\n\n---\n\nEnd",
    "1. First\n\n   Second paragraph of the first.\n\n   ```sh\n   make install\n   ```\n\n2. Second",
    "- a\n  - b\n    - c\n      - d\n- e",
    "1. one\n   - bullet\n   - bullet\n2. two\n   1. inner",
    "7. begins at seven\n8. eight",
    "**Bold**, *italic*, ~~gone~~, ***both***, **bold with *italic* in it**, `code`, **`bold code`**",
    "in**side**word and 日本**太字**語 and Ärger*lich*",
    "H<sub>2</sub>O, x<sup>2</sup>, <ins>new</ins>, press <kbd>Ctrl</kbd>",
    "<!-- Please fill in -->\n\n### What happened?\n\nIt broke.",
    "<details>\n<summary>Log</summary>\n\n```\n12:00 started\n12:01 failed\n```\n\n</details>",
    "Emoji 🎉 and :tada: and ümläuts and «quotes» and — dashes…",
    "Assigned to @ann, see #42 and acme/app#7, commit 1a2b3c4.",
    "As a *user*\nI want to **sign in**\nso that I see my orders.\n\nAcceptance:\n- [ ] works with `SSO`\n- [ ] 2 factors",
    "Given a cart\nWhen I pay\nThen I see:\n\n| item | price |\n| --- | --- |\n| A | 10 € |",
    "`` code with ` in it `` and ``` `` ```",
    "````\n```\nnested fence\n```\n````",
    "~~~ruby\nputs 'hi'\n~~~",
    "    indented code\n    second line",
    "Mail ann@example.org or <mailto:ann@example.org>; docs: <https://example.org/x>.",
    "[a link with **bold** in it](https://example.org) and [with (parens)](<https://example.org/a_(b)>)",
    "[![badge](https://example.org/b.svg)](https://example.org/ci)",
    '[ref][1] and [again][1]\n\n[1]: https://example.org "Title"',
    "Two\n\n\n\nblank lines, and a trailing space ",
    "- loose\n\n- list\n\n- of three",
    "* stars\n* as bullets\n\n+ plus\n+ too",
    "Setext\n======\n\nSub\n---\n\ntext",
    "1986\\. A great year.\n\n\\# no heading\n\n\\- no list\n\n\\> no quote",
    "List<String> names = new ArrayList<>(); and <unknown> tags",
    "Price: $5 and $10; 5 &lt; 6; &copy; &nbsp; &amp;amp;",
    "Quote:\n\n> > nested\n>\n> back",
    "- item\n\n  > quote in an item\n\n- item\n\n  # heading in an item",
    "| a |\n| --- |\n| line<br>break |\n| **bold** [l](https://e.org) |",
    "***\n\n___\n\n- - -",
    'Please don\'t forget: **(1)** first, **"quoted"** second.',
    "x = y_1 + y_2; __init__ and `__init__`; *args, **kwargs",
    "- [ ]\n- [x] done\n- plain",
    "text right before\n- a list\n- of two\ntext after lazy",
    "| no | header |\n\nno table | at all",
    '```json\n{"a": [1, 2, {"b": null}]}\n```\n\n```diff\n- old\n+ new\n```',
    "https://example.org/very/long/path/that_has_underscores/and*stars*?q=[a]&r=(b)",
    "Fix **now**!\n\nThanks,\nAnn",
    "\u00a0\u00a0indented with no-break spaces",
    "ALL_CAPS_CONST=1; --flag=value; -x; ~/dir; `~/.config`",
    '<p align="center">Centred</p>',
    "a\\\nb",
]


def _file(name: str, dialect: Dialect) -> list[Sample]:
    """The documents of a file: each begins below a line ``=== its name``."""
    parts = re.split(r"^=== (.+)\n", (FOLDER / f"{name}.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [
        Sample(title, dialect, text.removesuffix("\n")) for title, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


SAMPLES: list[Sample] = [
    *(Sample(f"short {number}", "markdown", text) for number, text in enumerate(SHORT, 1)),
    *(sample for name, dialect in FILES.items() for sample in _file(name, dialect)),
    *(Sample(name, "markdown", text) for name, text in ODDITIES.items()),
    *(Sample(name, "adf", text) for name, text in DOCUMENTS.items()),
]
MARKDOWN = [sample.text for sample in SAMPLES if sample.dialect == "markdown"]
