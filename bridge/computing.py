"""A connector whose records also say what expressions come to, and which queries find them: evaluated in one place.

Every record that comes out of the connector has, beside its own fields, one for each expression that any link has about
its container (``mappings.computed``), and one for each query; names of such fields never reach the connector. Made only where a link
has one.

Refuses: deciding what a filter means for an item (the engine does).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from bridge.errors import ConfigError
from bridge.model import Fields, FieldSpec, Marker, Record, Ref, Schema
from connectors.base import (
    BeforeSend,
    Capabilities,
    Comments,
    Connector,
    Delivery,
    Directory,
    Finding,
    Page,
    Queries,
    Step,
    Usage,
    directory_of,
    queries_of,
)
from mappings.computed import Queried, is_computed, name_of, name_of_query
from mappings.expression_checks import checked
from mappings.expressions import Computation, Expression, ExpressionError, compiled


@dataclass(slots=True)
class Computing:
    """A connector with its expressions. ``wanted``: their texts, by container and kind, of all links of the connection.

    ``ready`` holds what was checked against a schema. An expression that cannot be used on its container's records is
    left out there: the link it belongs to says so, and the others go on (S24). ``queried``: the queries likewise.
    """

    name: str
    comments: Comments | None
    directory: Directory | None
    queries: Queries | None
    inner: Connector
    wanted: Mapping[tuple[str, str], frozenset[str]]
    queried: Mapping[tuple[str, str], Queried] = field(default_factory=dict)
    ready: dict[tuple[str, str], Computation] = field(default_factory=dict)

    # --- with expressions ---------------------------------------------------------------------------------------------

    async def schema(self, container: str, kind: str, *, fields: frozenset[str]) -> Schema:
        """The tracker's fields and the computed ones, which nobody can write. Without names nothing is looked up, so that
        what reads custom fields is not there.
        """
        all_of = _readable(self.wanted.get((container, kind), frozenset()))
        found = await _read(self.inner, container, kind, _own(fields), all_of if fields else ())
        added: dict[str, FieldSpec] = {}
        usable: list[Expression] = []
        for each in all_of:
            try:
                type_ = checked(each, found.fields)
            except ExpressionError:
                continue
            added[each.name] = FieldSpec(each.name, type_, writable="never", dialect="markdown")
            usable.append(each)
        if fields:
            self.ready[container, kind] = Computation(tuple(usable), found.fields)
        return Schema(found.kind, {**found.fields, **added})

    async def pull(
        self, container: str, kind: str, cursor: str | None, *, fields: frozenset[str], sweep: bool
    ) -> AsyncIterator[Page]:
        """A listing of everything is that of a query where all links of the container have this one, and ``fields`` names
        it. Changes are those of all tasks, for the last one of a task may be what takes it out.
        """
        computation, only = await _of(self, container, kind), self.queried.get((container, kind), _NO_QUERY).only
        search, wanted = self.queries, _asked(fields, computation)
        if only is not None and search is not None and cursor is None and name_of_query(only) in fields:
            pages: AsyncIterator[tuple[Page, bool | None]] = search.pull(container, only, fields=wanted, sweep=sweep)
        else:
            pages = _unsearched(self.inner.pull(container, kind, cursor, fields=wanted, sweep=sweep))
        async for page, is_found in pages:
            records = await _answered(self, container, kind, page.records, is_found=is_found)
            yield replace(page, records=tuple([computation.complete(record) for record in records]))

    async def fetch(self, ref: Ref, *, fields: frozenset[str]) -> Record:
        computation = await _of(self, ref.container, ref.kind)
        fetched = await self.inner.fetch(ref, fields=_asked(fields, computation))
        [record] = await _answered(self, ref.container, ref.kind, [fetched])
        return computation.complete(record)

    async def create(
        self,
        container: str,
        kind: str,
        fields: Fields,
        marker: Marker,
        *,
        key: str,
        before_send: BeforeSend | None = None,
    ) -> Record:
        computation = await _of(self, container, kind)
        created = await self.inner.create(container, kind, fields, marker, key=key, before_send=before_send)
        return computation.complete(await _written(self, created))

    async def update(
        self, ref: Ref, step: Step, changes: Fields, current: Record, *, before_send: BeforeSend | None = None
    ) -> Record:
        computation = await _of(self, ref.container, ref.kind)
        updated = await self.inner.update(ref, step, changes, current, before_send=before_send)
        return computation.complete(await _written(self, updated))

    async def find(
        self, container: str, kind: str, markers: Collection[Marker], since: str | None
    ) -> Mapping[Marker, Record]:
        computation = await _of(self, container, kind)
        found = await self.inner.find(container, kind, markers, since)
        return {marker: computation.complete(await _written(self, record)) for marker, record in found.items()}

    async def check(
        self, container: str, kind: str, verbs: Collection[str], maps: Mapping[str, Collection[str]]
    ) -> list[Finding]:
        own = {name: names for name, names in maps.items() if not is_computed(name)}
        return await self.inner.check(container, kind, verbs, own)

    # --- as it is -----------------------------------------------------------------------------------------------------

    def kinds(self) -> Mapping[str, Capabilities]:
        return self.inner.kinds()

    async def container_healthy(self, container: str) -> bool:
        return await self.inner.container_healthy(container)

    def steps(self, kind: str, fields: Collection[str], *, creating: bool) -> tuple[Step, ...]:
        return self.inner.steps(kind, fields, creating=creating)

    async def delete(self, ref: Ref, *, before_send: BeforeSend | None = None) -> None:
        await self.inner.delete(ref, before_send=before_send)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return self.inner.verify(headers, body)

    def usage(self) -> Usage:
        return self.inner.usage()

    def item_url(self, ref: Ref) -> str:
        return self.inner.item_url(ref)

    async def aclose(self) -> None:
        await self.inner.aclose()


def around(
    inner: Connector, wanted: Mapping[tuple[str, str], frozenset[str]], queried: Mapping[tuple[str, str], Queried]
) -> Connector:
    """The connector with its expressions and queries; itself where no link has one about its records."""
    if not any(wanted.values()) and not queried:
        return inner
    return Computing(inner.name, inner.comments, directory_of(inner), queries_of(inner), inner, wanted, queried)


def computation(connector: Connector, container: str, kind: str) -> Computation | None:
    """What is computed of these records, once their schema was asked for; None where nothing is."""
    return connector.ready.get((container, kind)) if isinstance(connector, Computing) else None


async def _of(connector: Computing, container: str, kind: str) -> Computation:
    wanted = connector.wanted.get((container, kind))
    if not wanted:
        return _NOTHING
    if (container, kind) not in connector.ready:
        await connector.schema(container, kind, fields=frozenset(map(name_of, wanted)))
    return connector.ready[container, kind]


async def _read(
    connector: Connector, container: str, kind: str, own: frozenset[str], all_of: Sequence[Expression]
) -> Schema:
    """The tracker's fields. Where one that an expression reads makes the tracker's own names unclear, that expression
    goes without: it may be another link's.
    """
    needs = frozenset(name for each in all_of for name in each.needs)
    try:
        return await connector.schema(container, kind, fields=own | needs)
    except ConfigError:
        if not needs - own:
            raise
    found = await connector.schema(container, kind, fields=own)
    for each in all_of:
        try:
            more = await connector.schema(container, kind, fields=own | each.needs)
        except ConfigError:
            continue
        found = Schema(found.kind, {**found.fields, **more.fields})
    return found


async def _unsearched(pages: AsyncIterator[Page]) -> AsyncIterator[tuple[Page, bool | None]]:
    async for page in pages:
        yield page, None


async def _answered(
    connector: Computing, container: str, kind: str, records: Sequence[Record], *, is_found: bool | None = None
) -> Sequence[Record]:
    """The records with what their queries say of them. ``is_found``: what the only query said already, None if nothing."""
    asked = connector.queried.get((container, kind))
    if asked is None or connector.queries is None or not records:
        return records
    said: list[tuple[str, frozenset[str]]] = []
    for query in sorted(asked.texts):
        if is_found is None or not connector.queries.asks:
            found = await connector.queries.matching(container, query, records)
        else:
            found = frozenset(record.ref.id for record in records if is_found)
        said.append((name_of_query(query), found))
    return [
        structs.replace(record, fields={**record.fields, **{name: record.ref.id in found for name, found in said}})
        for record in records
    ]


async def _written(connector: Computing, record: Record) -> Record:
    """A record that a write has answered. Where its queries would have to be asked, the next listing tells of them."""
    if connector.queries is None or connector.queries.asks:
        return record
    [answered] = await _answered(connector, record.ref.container, record.ref.kind, [record])
    return answered


def _asked(fields: frozenset[str], computation: Computation) -> frozenset[str]:
    """What to ask the tracker for where these fields are wanted."""
    own = _own(fields)
    return own | computation.needs if len(own) < len(fields) else own


_NOTHING = Computation(())
_NO_QUERY = Queried()


def _own(fields: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in fields if not is_computed(name))


def _readable(texts: Collection[str]) -> list[Expression]:
    found = []
    for text in sorted(texts):
        try:
            found.append(compiled(text))
        except ExpressionError:
            continue  # told where the configuration is checked
    return found
