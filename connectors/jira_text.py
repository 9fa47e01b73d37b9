"""Jira's rich text as values: ADF (Cloud) as canonical JSON text, wiki markup (Data Center) as it is.

Refuses: conversion into other formats (mappings.text); plain text is made and read for Bridge's own comments only.

The normal form of ADF leaves out what Jira adds or rearranges by itself: ``localId`` and the like, empty members, the
order of marks, text that is cut in two, empty paragraphs at the end. Unknown nodes stay as they are.
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from bridge.model import Value

_NOISE: Final = frozenset({"localId", "uniqueId", "__confluenceMetadata", "__fileName", "__displayType"})
_OWN_LOCAL_ID: Final = frozenset({"syncBlock", "bodiedSyncBlock", "fragment"})
_NEEDS_LOCAL_ID: Final = frozenset({"taskList", "taskItem", "blockTaskItem", "decisionList", "decisionItem"})
_BREAKS: Final = frozenset({"paragraph", "heading", "codeBlock", "rule", "hardBreak", "tableRow"})


def value_of(stored: Any) -> Value:
    """What Jira stores as a value: None where nothing is left of it."""
    if isinstance(stored, dict):
        document = normal(stored)
        if not document.get("content"):
            return None
        document.setdefault("version", 1)
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if not isinstance(stored, str):
        return None
    return stored.replace("\r\n", "\n").replace("\r", "\n").rstrip() or None


def stored_of(value: Value, *, cloud: bool) -> Any:
    """The member to write: an ADF document or wiki text. A value that is no ADF becomes paragraphs of plain text."""
    if not cloud:
        return str(value or "")
    if value is None:
        return None
    document = _document(str(value))
    return plain_adf(str(value)) if document is None else _with_ids(document, [0])


def normal(node: dict[str, Any]) -> dict[str, Any]:
    """One node in its normal form."""
    found: dict[str, Any] = {}
    for name, part in node.items():
        made = _member(name, part, str(node.get("type")))
        if made is not None and (made or name not in ("attrs", "marks", "content")):
            found[name] = made
    if found.get("type") == "doc":
        content = found.get("content", [])
        while content and content[-1] == {"type": "paragraph"}:
            content.pop()
    return found


def _member(name: str, part: Any, kind: str) -> Any:
    if name == "attrs":
        return _attributes(part, kind)
    if name == "marks":
        return sorted((normal(mark) for mark in part or ()), key=lambda mark: json.dumps(mark, sort_keys=True))
    if name == "content":
        return _joined([normal(child) for child in part or () if isinstance(child, dict)])
    return part


def plain_adf(text: str) -> dict[str, Any]:
    """Paragraphs of plain text; an empty line parts them."""
    content = []
    for part in filter(None, (part.strip("\n") for part in text.replace("\r\n", "\n").split("\n\n"))):
        inline: list[dict[str, Any]] = []
        for line in part.split("\n"):
            inline += [{"type": "hardBreak"}] if inline else []
            inline += [{"type": "text", "text": line}] if line else []
        content.append({"type": "paragraph", "content": inline})
    return {"type": "doc", "version": 1, "content": content}


def plain_text(stored: Any) -> str:
    """The words of a comment; what is no text is left out."""
    if not isinstance(stored, dict):
        return str(stored or "")
    blocks = (_words(block).strip("\n") for block in stored.get("content") or () if isinstance(block, dict))
    return "\n\n".join(filter(None, blocks))


def _words(node: dict[str, Any]) -> str:
    attrs = node.get("attrs") or {}
    inner = "".join(_words(child) for child in node.get("content") or () if isinstance(child, dict))
    said = str(node.get("text") or attrs.get("text") or attrs.get("shortName") or "")
    return f"{said}{inner}{chr(10) if node.get('type') in _BREAKS else ''}"


def _document(text: str) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except msgspec.MsgspecError:
        return None
    return found if isinstance(found, dict) and found.get("type") == "doc" else None


def _attributes(attrs: Any, kind: str) -> dict[str, Any]:
    if not isinstance(attrs, dict):
        return {}
    kept = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in attrs.items()
        if value is not None and (name not in _NOISE or (name == "localId" and kind in _OWN_LOCAL_ID))
    }
    return {
        name: value for name, value in kept.items() if not (kind == "mention" and name in ("accessLevel", "userType"))
    }


def _joined(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring texts with the same marks as one; empty texts left out, which are invalid."""
    found: list[dict[str, Any]] = []
    for node in nodes:
        is_text = node.get("type") == "text"
        if is_text and not node.get("text"):
            continue
        last = found[-1] if found else {}
        if is_text and last.get("type") == "text" and last.get("marks") == node.get("marks"):
            found[-1] = {**last, "text": last["text"] + node["text"]}
        else:
            found.append(node)
    return found


def _with_ids(node: dict[str, Any], count: list[int]) -> dict[str, Any]:
    """Nodes that must have a ``localId`` get one that is the same each time."""
    made = dict(node)
    if node.get("type") in _NEEDS_LOCAL_ID and "localId" not in (node.get("attrs") or {}):
        count[0] += 1
        made["attrs"] = {**(node.get("attrs") or {}), "localId": f"bridge-{count[0]}"}
    if isinstance(content := node.get("content"), list):
        made["content"] = [_with_ids(child, count) if isinstance(child, dict) else child for child in content]
    return made
