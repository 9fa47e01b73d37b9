"""The scanner of positions agrees with tomllib about what is in a document, and with the eye about where."""

import re
import string
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.source import BadToml, parse, positions


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


BARE = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=6)
ANY = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=6)
SCALARS = st.one_of(
    st.sampled_from(["1", "-2.5e3", "true", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "07:32:00", "0xff", "inf"]),
    st.sampled_from(
        ['"""\na # no comment\n[not.a.table]\n"""', "'''\nkey = 1\n'''", '"""two quotes"""""', '"""\\""""']
    ),
    ANY.map(quoted),
    st.text(string.ascii_letters + " #[]{}=,.", max_size=8).map(lambda text: f"'{text}'"),
)


def written_key(name: str) -> st.SearchStrategy[str]:
    is_bare = name and set(name) <= set(string.ascii_letters + string.digits + "_-")
    return st.sampled_from([name, quoted(name), f"'{name}'"]) if is_bare else st.just(quoted(name))


KEYS = st.one_of(BARE, ANY)
INLINE = st.deferred(lambda: st.one_of(SCALARS, ARRAYS, TABLES))
BREAKS = st.sampled_from(["", " ", "\n", "\n  # a comment, with ] and }\n", "\r\n\t"])


@st.composite
def arrays(draw) -> str:
    members = draw(st.lists(INLINE, max_size=3))
    text = "".join(f"{draw(BREAKS)}{member}{draw(BREAKS)}," for member in members)
    if text and draw(st.booleans()):
        text = text[:-1]
    return f"[{text}{draw(BREAKS)}]"


@st.composite
def inline_tables(draw) -> str:
    names = draw(st.lists(KEYS, max_size=3, unique=True))
    pairs = [f"{draw(written_key(name))} = {draw(INLINE)}" for name in names]
    return "{ " + ", ".join(pairs) + " }"


ARRAYS = arrays()
TABLES = inline_tables()


@st.composite
def documents(draw) -> str:
    lines: list[str] = []

    def table() -> None:
        for name in draw(st.lists(KEYS, max_size=3, unique=True)):
            key = draw(written_key(name))
            if draw(st.booleans()):
                key += " . " + draw(written_key(draw(KEYS)))
            lines.append(f"{draw(st.sampled_from(['', '  ']))}{key} = {draw(INLINE)} # {name!r}")
            lines.extend(draw(st.lists(st.sampled_from(["", "# [no.table]", "\t"]), max_size=2)))

    table()
    for header in draw(st.lists(st.lists(KEYS, min_size=1, max_size=3), max_size=4)):
        path = draw(st.sampled_from([".", " . "])).join(draw(written_key(part)) for part in header)
        brackets = draw(st.sampled_from([("[", "]"), ("[[", "]]"), ("[ ", " ]")]))
        for _ in range(draw(st.integers(1, 2)) if brackets[0] == "[[" else 1):
            lines.append(path.join(brackets))
            table()
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


def paths(value, at=()):
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        yield (*at, key)
        yield from paths(member, (*at, key))


@settings(deadline=None)
@given(documents())
def test_the_scanner_finds_exactly_the_keys_tomllib_reads(text):
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # a table defined twice and the like
        return

    assert set(positions(text)) == set(paths(read))


@settings(deadline=None)
@given(documents())
def test_every_key_stands_where_the_scanner_says(text):
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = text.split("\n")

    for path, place in positions(text).items():
        here = lines[place.line - 1][place.column - 1 :]
        assert not here[:1].isspace(), path
        if isinstance(path[-1], str) and not here.startswith("["):
            written = re.match(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*'""", here)
            assert written is not None, path
            assert tomllib.loads(f"{written[0]} = 1") == {path[-1]: 1}


@settings(deadline=None)
@given(st.lists(st.lists(BARE, min_size=1, max_size=3, unique=True), max_size=4), BREAKS)
def test_every_key_has_the_line_and_the_column_it_stands_in(tables, gap):
    lines: list[str] = []
    expected = {}
    for index, names in enumerate(tables):
        lines += ["# comment", "  [[t]]"]
        expected["t", index] = (len(lines), 3)
        for name in names:
            lines += [f'{name} = [ """', 'text """,']
            expected["t", index, name] = (len(lines) - 1, 1)
            expected["t", index, name, 0] = (len(lines) - 1, len(name) + 6)
            lines += [f"  {{ inner = {index} }} ]"]
            expected["t", index, name, 1] = (len(lines), 3)
            expected["t", index, name, 1, "inner"] = (len(lines), 5)

    found = positions("\n".join(lines))

    assert {path: found[path] for path in expected} == expected


def test_dotted_and_quoted_keys_are_found_under_the_name_they_mean():
    text = 'a."b.c".\'d\' = 1\n["x\\u0041" . y]\nz = { p.q = 2 }\n'

    assert positions(text) == {
        ("a",): (1, 1), ("a", "b.c"): (1, 3), ("a", "b.c", "d"): (1, 9),
        ("xA",): (2, 1), ("xA", "y"): (2, 1), ("xA", "y", "z"): (3, 1), ("xA", "y", "z", "p"): (3, 7),
        ("xA", "y", "z", "p", "q"): (3, 9),
    }  # fmt: skip


def test_columns_count_characters_not_bytes():
    assert positions('"größe" = { "ö" = 1 }')["größe", "ö"] == (1, 13)


@pytest.mark.parametrize(
    ("text", "line", "column"), [("a = 1\nb = \n", 2, 5), ("a = [1,\n", 1, 8), ("[a\n", 1, 3), ("a = 'x", 1, 7)]
)
def test_what_is_not_toml_has_a_line_and_a_column(text, line, column):
    with pytest.raises(BadToml) as caught:
        parse(text)

    assert (caught.value.line, caught.value.column) == (line, column)
