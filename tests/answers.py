"""Whether the answers of the HubSpot stand-in are HubSpot's: HubSpot's own library decodes them into its models.

`make test` judges each form of an answer once, as far as it sees it: the first answers of each call and every fiftieth. `make
test-answers` judges every single one. Law: what the library is wrong about, and what it has no model for, is named here.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import ModuleType
from typing import Any

import orjson

from refsync_sandbox.crm import OWN_FAULT
from refsync_sandbox.hubspot.call import Reply
from refsync_sandbox.hubspot.kinds import find_kind
from refsync_sandbox.hubspot.paths import Paths
from refsync_sandbox.hubspot.service import Service
from refsync_sandbox.hubspot.troubles import REFUSALS

EVERY_ONE = os.environ.get("REFSYNC_ANSWERS") == "all"
_FIRST, _NTH = 20, 50

WITHOUT_MODEL: Mapping[str, str] = {
    r"/account-info/": "the library has no call for the account",
    r"/properties/v2/": "version 2 is older than the library",
    r"/crm/v3/objects/[^/]+/[^/]+/associations/": "of version 3 the library has only the batches of associations",
}
"""Patterns of the paths that the library knows nothing of, and why."""

NUMBERS_CALLED_TEXTS = ("fromObjectId", "toObjectId", "after")
"""Numbers in recorded answers (`after` in some, airbyte#80745) that the specification calls texts."""
REQUIRED_OF_ERRORS: Mapping[str, Any] = {"errors": [], "links": {}, "context": {}}
"""What the specification requires of each error of a batch, and recorded answers lack."""

_DATE = r"\d{4}-\d{2}"
_SAME_AS = (
    (re.compile(rf"^/crm/objects/{_DATE}/([^/]+/[^/]+/associations/)"), r"/crm/v4/objects/\1"),
    (re.compile(rf"^/crm/objects/{_DATE}/"), "/crm/v3/objects/"),
    (re.compile(rf"^/crm/associations/{_DATE}/"), "/crm/v4/associations/"),
    (re.compile(rf"^/crm/(owners|pipelines|properties)/{_DATE}"), r"/crm/v3/\1"),
    (re.compile(rf"^/crm-object-schemas/{_DATE}/"), "/crm-object-schemas/v3/"),
    (re.compile(r"^/crm/v3/schemas"), "/crm-object-schemas/v3/schemas"),
    (re.compile(rf"^/oauth/{_DATE}/"), "/oauth/v1/"),
)
"""The numbered path, which the library knows, of each dated or other one."""
_TYPE = re.compile(r"^(/crm/v[34]/objects/)([^/]+)")


@dataclass(frozen=True, slots=True)
class Model:
    """What the library takes the answers of one call for."""

    package: str
    by_status: Mapping[int, str]

    def decode(self, status: int, content: bytes) -> Any:
        """Return an answer as the library's model. Raises ValueError for what is none."""
        name = self.by_status.get(status)
        if name is None:
            raise ValueError(f"the library expects one of {sorted(self.by_status)}, not {status}")
        return _strict_client(self.package).deserialize(_Response(content), name)


@dataclass(frozen=True, slots=True)
class _Response:
    data: bytes


class NotHubSpots(AssertionError):
    """An answer is not one of HubSpot's."""


def judge(method: str, path: str, status: int, content: bytes) -> None:
    """Raise NotHubSpots unless the library decodes an answer."""
    same = numbered(path)
    if not content or any(re.match(start, same) for start in WITHOUT_MODEL):
        return
    found = _models().find(method, same)
    if found is None:
        raise NotHubSpots(f"{method} {path}: the library knows no such call; name it in WITHOUT_MODEL if HubSpot has it")
    try:
        found[0].decode(status, _as_specified(content))
    except (ValueError, TypeError, AttributeError) as error:
        raise NotHubSpots(f"{method} {path}: {status} {content[:300]!r}: {error}") from None


def numbered(path: str) -> str:
    """Return the numbered path of a call, by the plural name of its object type."""
    for pattern, instead in _SAME_AS:
        path = pattern.sub(instead, path)
    kind = _TYPE.match(path)
    if kind and (found := find_kind(kind[2])):
        path = f"{kind[1]}{found.plural}{path[kind.end() :]}"
    return path


def _as_specified(content: bytes) -> bytes:
    """Return an answer as HubSpot's specification has it where recorded answers prove that wrong."""
    body = _with_texts(orjson.loads(content))
    if isinstance(body, dict) and "numErrors" in body:
        body["errors"] = [{**REQUIRED_OF_ERRORS, **one} for one in body["errors"]]
    return orjson.dumps(body)


def _with_texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_texts(one) for one in value]
    if not isinstance(value, dict):
        return value
    numbers = {name: str(value[name]) for name in NUMBERS_CALLED_TEXTS if isinstance(value.get(name), int)}
    return {name: _with_texts(one) for name, one in value.items()} | numbers


@cache
def _strict_client(package: str) -> Any:
    """Return the library's client of one area, which takes a value for what the model says and for nothing else."""
    found = importlib.import_module(package)
    configuration = found.Configuration()
    configuration.client_side_validation = True

    def primitive(_self: Any, data: Any, kind: type) -> Any:
        if not isinstance(data, kind) or (kind is not bool and isinstance(data, bool)):
            raise ValueError(f"{data!r} is no {kind.__name__}")
        return data

    def instant(_self: Any, data: Any) -> datetime:
        return datetime.fromisoformat(data)

    own = {"_ApiClient__deserialize_primitive": primitive, "_ApiClient__deserialize_datetime": instant}
    return type("StrictClient", (found.ApiClient,), own)(configuration)


@cache
def _models() -> Paths[Model]:
    """Return the library's calls with their models, as the library itself makes them."""
    import hubspot

    table = []
    for area in ("crm", "oauth"):
        for package in _packages(importlib.import_module(f"{hubspot.__name__}.{area}")):
            for method, path, by_status in _calls(package):
                parts = path.split("/")
                pattern = "/".join(f"{{part{place}}}" if part.startswith("{") else part for place, part in enumerate(parts))
                table.append((method, pattern, Model(package.__name__, by_status)))
    return Paths(table)


def _packages(area: ModuleType) -> Iterator[ModuleType]:
    """Yield the parts of the library below an area that have a client of their own."""
    names = [area.__name__, *(one.name for one in pkgutil.walk_packages(area.__path__, f"{area.__name__}.") if one.ispkg)]
    yield from (found for found in map(importlib.import_module, names) if hasattr(found, "ApiClient"))


class _Ear:
    """Stands in for the library's transport and notes what it is asked to call."""

    def __init__(self, configuration: Any) -> None:
        self.configuration = configuration
        self.client_side_validation = False
        self.heard: list[tuple[str, str, Mapping[int, str]]] = []

    def select_header_accept(self, *_: Any) -> str:
        return ""

    def select_header_content_type(self, *_: Any) -> str:
        return ""

    def call_api(self, path: str, method: str, *_: Any, response_types_map: Mapping[int, str], **__: Any) -> None:
        self.heard.append((method, path, response_types_map))


def _calls(package: ModuleType) -> list[tuple[str, str, Mapping[int, str]]]:
    ear = _Ear(package.Configuration())
    kinds: list[Any] = [kind for name, kind in vars(package).items() if inspect.isclass(kind) and name.endswith("Api")]
    for kind in kinds:
        for name, call in inspect.getmembers(kind, inspect.isfunction):
            if name.endswith("_with_http_info"):
                call(kind(ear), *["x"] * _required(call))
    return ear.heard


def _required(call: Callable[..., Any]) -> int:
    given = inspect.signature(call).parameters.values()
    return sum(one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD for one in given) - 1


class Answers:
    """Looks at every answer that a stand-in in this process gives, and keeps those that have to be judged."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, str, int, bytes]] = deque()
        self._seen: set[object] = set()
        self._count: Counter[str] = Counter()

    def watch(self) -> Callable[[], None]:
        """Begin to look, and return what ends it."""
        answer = Service._answer

        def watched(service: Service, scope: Any, body: bytes) -> Reply:
            reply = answer(service, scope, body)
            fault = scope.get(OWN_FAULT)
            if 200 <= reply.status < 300 and not (fault and fault.name in REFUSALS):
                self.look(scope["method"], scope["path"], reply)
            return reply

        Service._answer = watched  # type: ignore[assignment, method-assign]

        def end() -> None:
            Service._answer = answer  # type: ignore[method-assign]

        return end

    def look(self, method: str, path: str, reply: Reply) -> None:
        """Keep an answer if it has to be judged: all of them, or those of a form that was not seen before."""
        call = f"{method} {re.sub(r'[0-9a-f]{5,}|[0-9]+(?=/|$)', '_', numbered(path))} {reply.status}"
        self._count[call] += 1
        if EVERY_ONE:
            self._waiting.append((method, path, reply.status, reply.content()))
        elif self._count[call] <= _FIRST or self._count[call] % _NTH == 0:
            form = call, shape(reply.body)
            if form not in self._seen:
                self._seen.add(form)
                self._waiting.append((method, path, reply.status, reply.content()))

    def judge(self) -> None:
        """Judge what was kept. Raises NotHubSpots for the first answer that is none of HubSpot's."""
        while self._waiting:
            judge(*self._waiting.popleft())


_MAPS = ("properties", "propertiesWithHistory", "context", "metadata")


def shape(value: Any, key: str = "") -> object:
    """Return what is the same for answers of one form: names and kinds of values, not how many or which."""
    if isinstance(value, dict):
        if key in _MAPS:
            return key, frozenset(shape(one) for one in value.values())
        return frozenset((name, shape(one, name)) for name, one in value.items())
    if isinstance(value, list | tuple):
        return "list", frozenset(shape(one) for one in value)
    return type(value).__name__
