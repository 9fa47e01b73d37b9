"""How long a text is, as the tracker that holds it counts."""

from __future__ import annotations

from bridge.model import FieldSpec, FieldType


def length(spec: FieldSpec, text: str) -> int:
    """Characters or UTF-16 units, as ``spec.counts`` says. Of ADF it is the words and their markup that count, as
    Jira turns a document into wiki markup before it measures (``FieldSpec.max_length`` of Jira Cloud).
    """
    if spec.dialect == "adf" and spec.type is FieldType.TEXT and len(text) > (spec.max_length or 0):
        from mappings.text.convert import convert  # noqa: PLC0415 — parsers take 80 ms to load, and few texts are long

        text = convert(text, "adf", "wiki") or ""
    if spec.counts == "characters" or text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
