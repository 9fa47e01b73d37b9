"""What a Jira site calls things: custom fields, issue types, people. Read when first needed, then kept.

Refuses: issues; guessing between two things of one name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec

from bridge.errors import ConfigError, RejectedError
from bridge.model import FieldSpec, FieldType
from connectors.jira_api import JiraApi
from connectors.status import decode

CUSTOM: Final = "custom."
_TEXTAREA: Final = "textarea"
_TYPES: Final[Mapping[str, FieldType]] = {
    "string": FieldType.LINE,
    "number": FieldType.NUMBER,
    "date": FieldType.DATE,
    "datetime": FieldType.INSTANT,
    "option": FieldType.CHOICE,
    "option-with-child": FieldType.CHOICE,
    "user": FieldType.PERSON,
    "array:string": FieldType.SET,
    "array:option": FieldType.SET,
    "array:user": FieldType.PERSONS,
}


class Shape(msgspec.Struct):
    type: str = ""
    items: str = ""
    custom: str = ""


class Field(msgspec.Struct):
    """One field of ``GET /field``. ``kind`` is ``number``, ``array:option`` and the like."""

    id: str = ""
    name: str = ""
    custom: bool = False
    schema: Shape | None = None

    @property
    def kind(self) -> str:
        shape = self.schema or Shape()
        return f"array:{shape.items}" if shape.type == "array" else shape.type

    @property
    def is_text(self) -> bool:
        return self.schema is not None and self.schema.custom.endswith(_TEXTAREA)

    @property
    def type(self) -> FieldType | None:
        return FieldType.TEXT if self.is_text else _TYPES.get(self.kind)


class IssueType(msgspec.Struct, rename="camel"):
    id: str = ""
    name: str = ""
    subtask: bool = False
    hierarchy_level: int | None = None


class _TypePage(msgspec.Struct, rename="camel"):
    issue_types: list[IssueType] = []
    values: list[IssueType] = []


class User(msgspec.Struct, rename="camel"):
    account_id: str = ""
    name: str = ""
    email_address: str | None = None
    display_name: str = ""
    active: bool = True


FIELDS: Final = msgspec.json.Decoder(list[Field])
TYPES: Final = msgspec.json.Decoder(_TypePage)
USERS: Final = msgspec.json.Decoder(list[User])


class Names:
    """Names of one site, for one account."""

    def __init__(self, api: JiraApi) -> None:
        self._api = api
        self._fields: list[Field] | None = None
        self._types: dict[str, list[IssueType]] = {}
        self._people: dict[str, str] = {}

    async def fields(self, wanted: Collection[str], known: Mapping[str, Field] | None = None) -> dict[str, Field]:
        """Jira's fields behind those of ``wanted`` that are not built in, by our name; nothing is asked without any, nor
        where ``known``, which a cursor remembers, has them all. ``start_on`` is left out where the site has no such field.

        Raises: ConfigError for a name that is not there, or there twice.
        """
        names = sorted(name for name in wanted if name.startswith(CUSTOM))
        names += ["start_on"] if "start_on" in wanted and self._api.config.start_field else []
        if self._fields is None and known is not None and all(name in known for name in names):
            found = {name: known[name] for name in names}
        else:
            found = {name: await self._behind(name) for name in names}
        return {name: field for name, field in found.items() if field.id}

    def noted(self, wanted: Collection[str], found: Mapping[str, Field]) -> dict[str, Field]:
        """What a cursor may remember: also that there is no field behind ``start_on``."""
        return ({"start_on": Field()} if "start_on" in wanted else {}) | dict(found)

    async def _behind(self, name: str) -> Field:
        """One without an id where there is none."""
        if name.startswith(CUSTOM):
            return await self.field(name.removeprefix(CUSTOM))
        return await self._optional(self._api.config.start_field) or Field()

    async def field(self, name: str) -> Field:
        """A custom field by its name, its id, or ``NAME (KIND)`` where a name is there twice.

        Raises: ConfigError.
        """
        there = [field for field in await self._all() if field.custom]
        fits = [field for field in there if name in (field.id, f"{field.name} ({field.kind})")]
        fits = fits or [field for field in there if field.name == name]
        if len(fits) == 1:
            return fits[0]
        if fits:
            choices = ", ".join(f'"{CUSTOM}{field.id}" ({field.kind})' for field in fits)
            raise ConfigError(
                f"Jira has {len(fits)} fields named {name!r}.", hint=f"Name one of them by its id: {choices}."
            )
        near = ", ".join(sorted(field.name for field in there)[:10])
        raise ConfigError(f"Jira has no custom field {name!r}.", hint=f"It has: {near or 'none'}.")

    async def types(self, container: str) -> list[IssueType]:
        """The issue types that can be created in a project."""
        if container not in self._types:
            path = f"issue/createmeta/{quote(container, safe='')}/issuetypes"
            page = decode(await self._api.read(path, {"maxResults": 200}), TYPES)
            self._types[container] = page.issue_types or page.values
        return self._types[container]

    async def subtask_type(self, container: str) -> str:
        """Raises: RejectedError when there is none, or several and no setting."""
        if self._api.config.subtask_type:
            return self._api.config.subtask_type
        names = [row.name for row in await self.types(container) if row.subtask]
        if len(names) == 1:
            return names[0]
        hint = f"Set subtask_type to one of: {', '.join(names)}." if names else "Add one to the project's type scheme."
        raise RejectedError(f"{container} has {len(names)} subtask types.", hint=hint, field="parent")

    async def person(self, value: str, field: str) -> str:
        """The account id (Data Center: name) of a person, who may be given by e-mail; searches are kept.

        Raises: RejectedError when nobody, or several, have that address.
        """
        if "@" not in value or self._api.config.people_by != "email":
            return value
        if value.lower() not in self._people:
            key = "query" if self._api.is_cloud else "username"
            rows = decode(await self._api.read("user/search", {key: value, "maxResults": 50}), USERS)
            rows = [row for row in rows if row.active and (row.email_address or "").lower() == value.lower()]
            if len(rows) != 1:
                raise RejectedError(
                    f"Jira shows {len(rows)} accounts with the e-mail {value}.",
                    hint='Where a profile hides its address, name the account id in [[people]] and set people = "account".',
                    field=field,
                )
            self._people[value.lower()] = rows[0].account_id if self._api.is_cloud else rows[0].name
        return self._people[value.lower()]

    async def _optional(self, name: str) -> Field | None:
        fits = [field for field in await self._all() if field.custom and name in (field.id, field.name)]
        dates = [field for field in fits if field.type is FieldType.DATE]
        return dates[0] if len(dates) == 1 else None

    async def _all(self) -> list[Field]:
        if self._fields is None:
            self._fields = decode(await self._api.read("field"), FIELDS)
        return self._fields


def custom_spec(name: str, field: Field, dialect: Literal["adf", "wiki"], *, emails: bool) -> FieldSpec:
    """Fields of a kind that Bridge cannot write are read as text."""
    kind = field.type
    if kind is None:
        return FieldSpec(name, FieldType.LINE, writable="never")
    if kind is FieldType.TEXT:
        return FieldSpec(name, kind, dialect=dialect, live=frozenset({"mention" if dialect == "adf" else "profile"}))
    return FieldSpec(name, kind, emails=emails and kind in (FieldType.PERSON, FieldType.PERSONS))


def shown_name(user: Any) -> str | None:
    """What people call somebody, whose id says nothing to them."""
    name = user.get("displayName") if isinstance(user, dict) else None
    return name if isinstance(name, str) and name.strip() else None


def person_of(user: Any, key: str, *, emails: bool) -> str | None:
    """How a user object of an answer names a person."""
    if not isinstance(user, dict):
        return None
    shown = user.get("emailAddress") if emails else None
    return str(shown).lower() if shown else (user.get(key) or user.get("accountId") or user.get("name") or None)
