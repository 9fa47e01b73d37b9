"""Rich text of the Jira sandbox: Atlassian Document Format (Cloud, API v3) and wiki text (Data Center, API v2).

ADF is checked for its structure, not for every attribute. What is stored is normalised as Jira does it in small things:
neighbouring text nodes with the same marks become one, empty mark lists vanish.

Source: the JSON schema of npm @atlaskit/adf-schema, restated here as which node may hold which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.sandbox import rewriting

if TYPE_CHECKING:
    from bridge.sandbox.exchange import Ask

TEXT_LIMIT = 32_767
INLINE = {"text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "inlineExtension", "mediaInline",
          "placeholder"}  # fmt: skip
LISTS = {"bulletList", "orderedList", "taskList", "decisionList"}
SIMPLE = {"paragraph", "codeBlock", "mediaSingle", "mediaGroup"}
CELL = (
    SIMPLE | LISTS | {"heading", "panel", "blockquote", "rule", "blockCard", "embedCard", "extension", "nestedExpand"}
)
TOP = (CELL - {"nestedExpand"}) | {
    "table",
    "expand",
    "layoutSection",
    "bodiedExtension",
    "syncBlock",
    "bodiedSyncBlock",
}
CHILDREN: dict[str, set[str]] = {
    "doc": TOP,
    "paragraph": INLINE,
    "heading": INLINE,
    "caption": INLINE,
    "codeBlock": {"text"},
    "blockquote": SIMPLE | {"bulletList", "orderedList", "extension"},
    "panel": SIMPLE
    | {"bulletList", "orderedList", "heading", "rule", "taskList", "decisionList", "blockCard", "extension"},
    "bulletList": {"listItem"},
    "orderedList": {"listItem"},
    "listItem": SIMPLE | {"bulletList", "orderedList", "taskList", "extension"},
    "taskList": {"taskItem", "taskList", "blockTaskItem"},
    "taskItem": INLINE,
    "decisionList": {"decisionItem"},
    "decisionItem": INLINE,
    "table": {"tableRow"},
    "tableRow": {"tableCell", "tableHeader"},
    "tableCell": CELL,
    "tableHeader": CELL,
    "expand": CELL,
    "nestedExpand": CELL,
    "mediaSingle": {"media", "caption"},
    "mediaGroup": {"media"},
    "layoutSection": {"layoutColumn"},
    "layoutColumn": TOP - {"layoutSection"},
    "bodiedExtension": CELL,
    "bodiedSyncBlock": CELL,
}
LEAVES = INLINE | {"rule", "media", "blockCard", "embedCard", "extension", "syncBlock"}
MARKS = {"strong", "em", "code", "strike", "underline", "link", "subsup", "textColor", "backgroundColor", "annotation",
         "border", "alignment", "indentation", "breakout", "fragment", "dataConsumer", "fontSize"}  # fmt: skip
NOT_EMPTY = {"bulletList", "orderedList", "listItem", "table", "tableRow", "blockquote", "panel", "taskList"}


class BadText(ValueError):
    """What is wrong with a document."""


def check(document: Any) -> None:
    """Refuse what is no ADF.

    Raises: BadText naming the node.
    """
    if not isinstance(document, dict):
        raise BadText("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
    if document.get("type") != "doc" or document.get("version") != 1 or set(document) - {"type", "version", "content"}:
        raise BadText("a document is {type: doc, version: 1, content: [...]}")
    _node(document)


def _node(node: dict[str, Any]) -> None:
    kind = node["type"]
    content = node.get("content", [])
    if not isinstance(content, list) or (content and kind in LEAVES):
        raise BadText(f"{kind} takes no such content")
    if kind in NOT_EMPTY and not content:
        raise BadText(f"{kind} needs content")
    for child in content:
        if not isinstance(child, dict) or child.get("type") not in CHILDREN.get(kind, set()):
            raise BadText(f"{kind} cannot hold {child.get('type') if isinstance(child, dict) else child!r}")
        if child["type"] == "text":
            _text(child, plain=kind == "codeBlock")
        _node(child)
    if kind == "listItem" and content[0]["type"] not in SIMPLE:
        raise BadText("listItem starts with a paragraph")
    if kind == "heading" and node.get("attrs", {}).get("level") not in range(1, 7):
        raise BadText("heading needs attrs.level from 1 to 6")


def _text(node: dict[str, Any], *, plain: bool) -> None:
    if not isinstance(node.get("text"), str) or not node["text"]:
        raise BadText("a text node must not be empty")
    marks = node.get("marks", [])
    names = [mark.get("type") for mark in marks if isinstance(mark, dict)]
    if plain and names:
        raise BadText("codeBlock takes plain text without marks")
    if len(names) != len(marks) or set(names) - MARKS:
        raise BadText(f"unknown marks: {marks!r}")
    if "code" in names and set(names) - {"code", "link", "annotation"}:
        raise BadText("the mark code goes only with link")
    if any(mark["type"] == "link" and not mark.get("attrs", {}).get("href") for mark in marks):
        raise BadText("the mark link needs attrs.href")


def normal(ask: Ask, node: Any) -> Any:
    """The document or wiki text as it is stored."""
    if isinstance(node, str):
        return rewriting.text(ask, node)
    if not isinstance(node, dict):
        return node
    made = {name: value for name, value in node.items() if not (name == "marks" and not value)}
    if made.get("type") == "text":
        made["text"] = rewriting.text(ask, made["text"]) or made["text"]
    if "content" in made:
        parts: list[Any] = []
        for child in (normal(ask, child) for child in made["content"]):
            last = parts[-1] if parts else None
            if last and last.get("type") == child.get("type") == "text" and last.get("marks") == child.get("marks"):
                parts[-1] = last | {"text": last["text"] + child["text"]}
            else:
                parts.append(child)
        made["content"] = parts
    return made


def plain(node: Any) -> str:
    """The words of a document, a line a block; wiki text as it is."""
    if node is None or isinstance(node, str):
        return node or ""
    if node.get("type") == "text":
        return str(node["text"])
    if node.get("type") == "hardBreak":
        return "\n"
    glue = "" if any(child.get("type") in INLINE for child in node.get("content", ())) else "\n"
    return glue.join(plain(child) for child in node.get("content", ()))


def paragraphs(words: str) -> dict[str, Any]:
    """ADF of plain words: a paragraph a line; what ``seed`` makes of strings on Cloud."""
    lines = [line for line in words.splitlines() if line.strip()]
    content = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in lines]
    return {"type": "doc", "version": 1, "content": content}
