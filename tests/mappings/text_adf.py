"""Documents as Jira Cloud's editor makes them: every kind of node in Atlassian's schema. By name, as JSON text."""

import json

OPEN = "todo".upper()


def node(kind, *content, **attrs):
    marks = attrs.pop("marks", None)
    made = {"type": kind, **({"attrs": attrs} if attrs else {}), **({"content": list(content)} if content else {})}
    return {**made, "marks": list(marks)} if marks else made


def words(text, *marks):
    return {"type": "text", "text": text, **({"marks": [mark(each) for each in marks]} if marks else {})}


def mark(each):
    return {"type": each} if isinstance(each, str) else {"type": each[0], "attrs": each[1]}


def para(*content, **attrs):
    return node("paragraph", *(words(each) if isinstance(each, str) else each for each in content), **attrs)


def items(kind, *contents, **attrs):
    return node(kind, *(node("listItem", *each) for each in contents), **attrs)


def task(text, state, number):
    return node("taskItem", words(text), localId=f"t{number}", state=state)


def row(kind, *texts, **attrs):
    return node("tableRow", *(node(kind, para(each) if each else node("paragraph"), **attrs) for each in texts))


FILE = node("media", type="file", id="6e7c7f2c-dd7a-499c-bceb-6f32bfbf30b5", collection="", width=200, height=183)
PICTURE = node("media", type="external", url="https://example.org/shot.png", alt="a shot")

TREES = {
    "adf bug report": [
        node("heading", words("Environment"), level=2),
        items("bulletList", [para("Debian 12")], [para(words("Version "), words("3.8.2", "code"))]),
        node("heading", words("Log"), level=2),
        node("codeBlock", words("WARN *x* {y}\n\tat z\n\nend"), language="java"),
        para("See ", words("the docs", ("link", {"href": "https://docs.example.org/a_(b)"})), "."),
    ],
    "adf marks": [
        para(
            words("strong", "strong"), words("em", "em"), words("both", "strong", "em"), words("gone", "strike"),
            words("under", "underline"), words("code", "code"), words("red", ("textColor", {"color": "#FF5630"})),
            words("2", ("subsup", {"type": "sub"})), words("3", ("subsup", {"type": "sup"})),
            words("marked", ("backgroundColor", {"color": "#fedec8"})),
            words("linked code", "code", ("link", {"href": "https://example.org", "title": "a tip"})),
        )
    ],
    "adf annotation and size": [
        para(words("noted", ("annotation", {"id": "a-1", "annotationType": "inlineComment"})), " and after"),
        node("paragraph", words("small"), marks=[mark(("fontSize", {"fontSize": "small"}))]),
    ],
    "adf lists": [
        items(
            "orderedList",
            [para("one"), items("bulletList", [para("a"), items("orderedList", [para("deep")])])],
            [para("two"), node("codeBlock", words("make"), language="bash"), para("after")],
            order=3,
        )
    ],
    "adf tasks": [
        node(
            "taskList",
            task("write", OPEN, 1), task("find", "DONE", 2),
            node("taskList", task("nested", "DONE", 3), localId="l2"),
            task("end", OPEN, 4),
            localId="l1",
        )
    ],
    "adf block task": [
        node("taskList", node("blockTaskItem", para("a"), para("b"), localId="t1", state="DONE"), localId="l1")
    ],
    "adf decisions": [
        node("decisionList", node("decisionItem", words("One queue"), localId="d1", state="DECIDED"), localId="l1")
    ],
    "adf panels": [
        node("panel", para(f"A {kind} panel"), items("bulletList", [para("item")]), panelType=kind)
        for kind in ("info", "note", "tip", "warning", "error", "success")
    ],
    "adf own panel": [node("panel", para("x"), panelType="custom", panelIcon=":smile:", panelColor="#abcdef")],
    "adf table": [
        node(
            "table", row("tableHeader", "Name", "Value", ""), row("tableCell", "a | b", "1", ""),
            row("tableCell", "*c*", "", "3"), isNumberColumnEnabled=False, layout="default", localId="tb1",
        )
    ],
    "adf table with joined cells": [
        node(
            "table",
            node("tableRow", node("tableCell", para("wide"), colspan=2), node("tableCell", para("x"), rowspan=2)),
            node("tableRow", node("tableCell", para("y"), node("codeBlock", words("z"))), node("tableCell", para("w"))),
        ),
        node("table", row("tableCell", "a", colwidth=[120], background="#deebff"), width=760),
    ],
    "adf row headings": [
        node("table", node("tableRow", node("tableHeader", para("Mon")), node("tableCell", para("9:00"))))
    ],
    "adf media": [
        node("mediaSingle", FILE, layout="center"),
        node("mediaSingle", PICTURE, layout="align-start", width=50),
        node("mediaGroup", FILE, FILE),
        para("in ", node("mediaInline", id="6e7c", collection="c", type="file"), " line"),
    ],
    "adf media with a caption": [
        node("mediaSingle", FILE, node("caption", words("The caption")), layout="wide", width=80, widthType="percentage")
    ],
    "adf people and chips": [
        para(
            node("mention", id="5b10a2844c20165700ede21g", text="@Ann", accessLevel="CONTAINER"), " set ",
            node("status", text="In progress", color="blue", localId="s1", style=""), " on ",
            node("date", timestamp="1732147200000"), " ",
            node("emoji", shortName=":tada:", id="1f389", text="🎉"), node("emoji", shortName=":team:", id="c0ffee"),
        )
    ],
    "adf cards": [
        para("see ", node("inlineCard", url="https://example.org/browse/PROJ-12"), " there"),
        node("blockCard", url="https://example.org/page"),
        node("embedCard", url="https://example.org/board", layout="center", width=80),
        para(node("inlineCard", data={"@type": "Document", "name": "x"})),
    ],
    "adf folds": [
        node("expand", para("inside"), node("rule"), title="More & <more>"),
        node("table", node("tableRow", node("tableCell", node("nestedExpand", para("deep"), title="In a cell")))),
        node("expand", para("no title")),
    ],
    "adf layout": [
        node(
            "layoutSection",
            node("layoutColumn", para("left"), width=50), node("layoutColumn", para("right"), width=50),
        )
    ],
    "adf extensions": [
        node("extension", extensionType="com.example.macro", extensionKey="toc", parameters={"depth": 2}),
        node("bodiedExtension", para("body"), extensionType="com.example.macro", extensionKey="excerpt"),
        para("in ", node("inlineExtension", extensionType="com.example.macro", extensionKey="anchor"), " line"),
    ],
    "adf synced blocks": [
        node("syncBlock", resourceId="r-1", localId="s1"),
        node("bodiedSyncBlock", para("shared"), resourceId="r-2", localId="s2"),
    ],
    "adf quote and rule": [
        node("blockquote", para("said"), items("bulletList", [para("and listed")]), node("codeBlock", words("x"))),
        node("rule"),
        para("one", node("hardBreak"), "two", node("hardBreak"), node("hardBreak"), "three"),
    ],
    "adf aligned and indented": [
        node("paragraph", words("centred"), marks=[mark(("alignment", {"align": "center"}))]),
        node("heading", words("right"), level=3, marks=[mark(("alignment", {"align": "end"}))]),
        node("paragraph", words("indented"), marks=[mark(("indentation", {"level": 2}))]),
        node("codeBlock", words("wide"), marks=[mark(("breakout", {"mode": "wide"}))]),
    ],
    "adf placeholder and nothing": [para(node("placeholder", text="Type here")), node("paragraph"), para("end")],
    "adf markdown as text": [para("# not a heading"), para("**not bold** `not code` [x](y) | z"), para("- no list")],
    "adf code without words": [node("codeBlock"), node("codeBlock", words("```\nfence\n```"), language="markdown")],
    "adf other scripts": [para("نص ", words("مهم", "strong"), " هنا"), para("日本", words("太字", "strong"), "語 👩‍💻 e\u0301")],
}  # fmt: skip

DOCUMENTS = {
    name: json.dumps({"content": tree, "type": "doc", "version": 1}, ensure_ascii=False) for name, tree in TREES.items()
}
