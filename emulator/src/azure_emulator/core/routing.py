# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which handler answers a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import unquote

from azure_emulator.core.errors import ArmError, missing_api_version

if TYPE_CHECKING:
    from azure_emulator.core.context import Context, Reply

Handler = Callable[["Context"], "Reply"]
_MATCHED = 4096
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
_VERSION = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-[A-Za-z]+)?")


@dataclass(frozen=True, slots=True)
class ApiVersions:
    """The API versions a route takes: dates from ``oldest`` to ``newest``, preview or not; ``required=False``: none."""

    oldest: str = "2014-04-01"
    newest: str = "2027-12-31"
    required: bool = True


#: Any date that Azure may know: clients of many years call with many versions.
DATED = ApiVersions()
#: Not an ARM route (tokens, metadata).
UNVERSIONED = ApiVersions(required=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """How it is known that Azure answers as this route does, and when that was last compared.

    ``recorded``: seen in recorded traffic; ``documented``: from Microsoft's specifications or documentation;
    ``guessed``: inferred from similar operations.
    """

    kind: str
    checked: str


def recorded(checked: str) -> Evidence:
    """Evidence from recorded traffic, compared on a date (``2026-11-25``)."""
    return Evidence("recorded", checked)


def documented(checked: str) -> Evidence:
    """Evidence from specifications and documentation, compared on a date."""
    return Evidence("documented", checked)


GUESSED = Evidence("guessed", "")


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API.

    :param template: path with ``{placeholders}``; literal segments match without regard to case.
    :param api_versions: versions the resource type knows.
    :param reading: a POST that changes nothing (listKeys); for the request log and read-only principals.
    :param anonymous: needs no token.
    :param waits: the handler may wait for others (blobs), or compute for long; it is given a thread.
    :param loose: takes JSON with comments and bare names, see `loose_json`.
    :param evidence: how the behaviour is known; the list of all operations is made of it.
    """

    method: str
    template: str
    handler: Handler
    api_versions: ApiVersions = field(default=DATED, kw_only=True)
    reading: bool = field(default=False, kw_only=True)
    anonymous: bool = field(default=False, kw_only=True)
    loose: bool = field(default=False, kw_only=True)
    waits: bool = field(default=False, kw_only=True)
    evidence: Evidence = field(default=GUESSED, kw_only=True)

    @property
    def writes(self) -> bool:
        return self.method not in ("GET", "HEAD") and not self.reading

    def action(self, ids: Mapping[str, str] | None = None) -> str:
        """The name of the permission: ``Microsoft.Compute/disks/write``, ``…/virtualMachines/start/action``.

        What needs no token has a name of its own kind (``oauth2/v2.0/token/action``): plans of faults use it.
        """
        parts = [part for part in self.template.split("/providers/")[-1].split("/") if not part.startswith("{")]
        if self.anonymous:
            parts = [part for part in parts if part]
        elif "/providers/" not in self.template:
            kinds = "/resourceGroups" if "resourcegroups" in self.template.lower() else ""
            parts = [f"Microsoft.Resources/subscriptions{kinds}"]
        elif self.template.split("/providers/")[-1].startswith("{"):
            parts = [(ids or {}).get("namespace", "*"), *parts]
        verb = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}
        return "/".join([*parts, verb.get(self.method, "action")])


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    placeholder: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)
    #: By method, which segments are placeholders.
    names: dict[str, list[tuple[int, str]]] = field(default_factory=dict)


class Router:
    """A tree of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        self._types: dict[str, set[str]] = {}
        self._matched: dict[tuple[str, str], tuple[Route, Mapping[str, str]]] = {}
        for route in routes:
            self._add(route)

    def match(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        """The route and its placeholders' values. Those who poll ask for the same path again and again.

        :raises ArmError: 404 or 405 as ARM words them, 400 when the path is not valid text.
        """
        known = self._matched.get((method, raw_path))
        if known is None:
            known = self._match(method, raw_path)
            if len(self._matched) >= _MATCHED:
                self._matched.clear()
            self._matched[method, raw_path] = known
        return known

    def _match(self, method: str, raw_path: str) -> tuple[Route, Mapping[str, str]]:
        segments = [_decode(part) for part in raw_path.split("/") if part]
        found = self._walk(self._root, segments, 0)
        if found is None:
            raise self._unknown(segments)
        route = found.routes.get(method) or (found.routes.get("GET") if method == "HEAD" else None)
        if route is None:
            allowed = ", ".join(sorted(found.routes))
            raise ArmError(
                405,
                "HttpMethodNotSupported",
                f"The requested resource does not support http method '{method}'.",
                headers={"Allow": allowed},
            )
        return route, MappingProxyType({name: segments[at] for at, name in found.names[route.method]})

    def _add(self, route: Route) -> None:
        node = self._root
        for part in [part for part in route.template.split("/") if part]:
            if part.startswith("{"):
                node.placeholder = node = node.placeholder or _Node()
            else:
                node = node.literals.setdefault(part.lower(), _Node())
        if route.method in node.routes:
            raise ValueError(f"two routes for {route.method} {route.template}")
        node.routes[route.method] = route
        parts = [part for part in route.template.split("/") if part]
        node.names[route.method] = [(at, part[1:-1]) for at, part in enumerate(parts) if part.startswith("{")]
        kinds = route.template.split("/providers/")[1:]
        for text in kinds:
            namespace, *rest = text.split("/")
            if not namespace.startswith("{"):
                self._types.setdefault(namespace.lower(), set()).add("/".join(rest[::2]).lower())

    def _walk(self, node: _Node, segments: list[str], at: int) -> _Node | None:
        if at == len(segments):
            return node if node.routes else None
        literal = node.literals.get(segments[at].lower())
        found = self._walk(literal, segments, at + 1) if literal else None
        if found is None and node.placeholder:
            found = self._walk(node.placeholder, segments, at + 1)
        return found

    def _unknown(self, segments: list[str]) -> ArmError:
        lower = [part.lower() for part in segments]
        if "providers" not in lower or lower[0] != "subscriptions":
            return ArmError(
                404,
                "MissingSubscription",
                "The request did not have a subscription or a valid tenant level resource provider.",
            )
        namespace, *rest = segments[len(lower) - lower[::-1].index("providers") :] or [""]
        if namespace.lower() not in self._types:
            return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")
        kind = "/".join(rest[::2])
        return ArmError(
            404,
            "InvalidResourceType",
            f"The resource type '{kind}' could not be found in the namespace '{namespace}'.",
        )


def check_api_version(route: Route, query: Mapping[str, str], ids: Mapping[str, str]) -> str:
    """The request's API version.

    :raises ArmError: 400 when it is missing, malformed, or not known for the type.
    """
    if not route.api_versions.required:
        return query.get("api-version", "")
    version = query.get("api-version", "")
    if not version:
        raise missing_api_version()
    if not _VERSION.fullmatch(version):
        raise ArmError(
            400,
            "InvalidApiVersionParameter",
            f"The api-version '{version}' is invalid. The api-version must be a date in the form yyyy-MM-dd, "
            "optionally followed by -preview.",
        )
    if not route.api_versions.oldest <= version[:10] <= route.api_versions.newest:
        namespace, *rest = route.template.split("/providers/")[-1].strip("/").split("/")
        raise ArmError(
            400,
            "InvalidResourceType",
            f"Resource type '{'/'.join(rest[::2]) or namespace}' of provider namespace '{namespace}' was not found in "
            f"{ids.get('location', 'global')} location for api version '{version}'.",
        )
    return version


def _decode(part: str) -> str:
    try:
        text = unquote(part, errors="strict") if "%" in part else part
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROLS.search(text):
        raise ArmError(400, "InvalidRequestUri", "The request URI contains characters that are not allowed.")
    return text
