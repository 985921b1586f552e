# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a template to the list of what has to be deployed, with ids and the order in which it may happen."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from azure_emulator.core import locations
from azure_emulator.services.deployments import links
from azure_emulator.services.deployments.errors import TemplateError, resource_invalid
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError, kind
from azure_emulator.services.deployments.language.table import truth
from azure_emulator.services.deployments.targets import TYPE, Target, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure_emulator.services.deployments.program import Program

_SEE = "Please see https://aka.ms/arm-template/#resources for usage details."
_MOST = 800


@dataclass(slots=True)
class Planned:
    """One resource of a deployment; all of it is JSON, for the store.

    ``pointer`` leads to its text in the template, ``loops`` are the copy indexes there. ``depends`` are places in the
    plan, ``links`` what the deployment shows of them. ``state``: Waiting, Running, Succeeded, Failed or Skipped.
    """

    id: str
    type: str
    name: str
    api_version: str
    pointer: list[str | int]
    loops: dict[str, int]
    symbol: str | None = None
    copy_name: str | None = None
    batch: int = 0
    location: str | None = None
    existing: bool = False
    verb: str = "PUT"
    depends: list[int] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    state: str = "Waiting"
    operations: list[str] = field(default_factory=list)
    started: float | None = None
    ended: float | None = None
    status_code: str | None = None
    failure: dict[str, Any] | None = None
    tracking: str = field(default_factory=lambda: str(uuid.uuid4()))
    operation_id: str = field(default_factory=lambda: secrets.token_hex(8).upper())

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_deployment(self) -> bool:
        return self.type.lower() == TYPE.lower()


def make(program: Program) -> list[Planned]:
    """The plan of a template; also put into the program, whose ``reference`` needs it.

    :raises ArmError: for whatever in the template is wrong.
    """
    program.planned = [*_expanded(program)]
    if len(program.planned) > _MOST:
        raise TemplateError(f"The number of template resources limit exceeded. Limit: '{_MOST}'")
    _check_unique(program.planned)
    for one in program.planned:
        links.find(program, one)
    _batches(program.planned)
    _check_circles(program.planned)
    links.check_values(program)
    return program.planned


def raw(template: dict[str, Any], pointer: list[str | int]) -> dict[str, Any]:
    """The text of a resource in the template."""
    value: Any = template
    for step in pointer:
        value = value[step]
    found: dict[str, Any] = value
    return found


def position(template: dict[str, Any], resource: dict[str, Any]) -> int:
    """The column at which a resource ends in the template without white space."""
    text = json.dumps(resource, separators=(",", ":"))
    return json.dumps(template, separators=(",", ":")).find(text) + len(text)


def wrong(program: Program, pointer: list[str | int], why: object) -> TemplateError:
    """An error of one resource of the template."""
    found = raw(program.template, pointer)
    path = "properties.template." + "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in pointer).lstrip(".")
    return resource_invalid(str(found.get("name", "")), str(why), path, position(program.template, found))


def _expanded(program: Program) -> Iterator[Planned]:
    resources = program.template.get("resources")
    if resources is None:
        raise TemplateError("The template must have the property 'resources'", "properties.template")
    for key, pointer in _children(resources, ["resources"]):
        yield from _instances(program, pointer, {}, None, key)


def _children(resources: Any, pointer: list[str | int]) -> Iterator[tuple[str | None, list[str | int]]]:
    """``(symbol, pointer)`` of a list, or of an object with symbolic names (language version 2.0)."""
    if isinstance(resources, dict):
        found: list[tuple[Any, Any]] = [*resources.items()]
    elif isinstance(resources, list):
        found = [*enumerate(resources)]
    else:
        raise TemplateError(f"The template resources must be an array or an object, not '{kind(resources)}'")
    for key, resource in found:
        if not isinstance(resource, dict):
            raise TemplateError(
                f"The template resource at index '{key}' must be an object, not '{kind(resource)}'. {_SEE}",
                f"properties.template.{'.'.join(map(str, pointer))}[{key}]",
            )
        yield (key if isinstance(key, str) else None), [*pointer, key]


def _instances(
    program: Program, pointer: list[str | int], loops: dict[str, int], parent: Planned | None, symbol: str | None
) -> Iterator[Planned]:
    resource = raw(program.template, pointer)
    loop = resource.get("copy")
    if loop is None:
        yield from _instance(program, pointer, loops, parent, symbol)
        return
    if not isinstance(loop, dict) or not isinstance(loop.get("name"), str):
        raise wrong(program, pointer, "The copy definition must have the properties 'name' and 'count'")
    if parent is not None:
        raise wrong(program, pointer, "Copy is not supported for nested resources")
    try:
        count = program.evaluator(loops).count(loop)
    except (ExpressionError, RuntimeNeededError) as error:
        raise wrong(program, pointer, error) from None
    size = _batch_size(program, pointer, loop)
    for at in range(count):
        inside = {**loops, "": at, loop["name"].lower(): at}
        for made in _instance(program, pointer, inside, parent, symbol):
            if made.pointer == pointer:
                made.copy_name, made.batch = loop["name"], at // size if size else 0
            yield made


def _batch_size(program: Program, pointer: list[str | int], loop: dict[str, Any]) -> int:
    if str(loop.get("mode", "parallel")).lower() != "serial":
        return 0
    size = loop.get("batchSize", 1)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise wrong(program, pointer, "The copy property 'batchSize' must be a positive integer")
    return size


def _instance(
    program: Program, pointer: list[str | int], loops: dict[str, int], parent: Planned | None, symbol: str | None
) -> Iterator[Planned]:
    resource = raw(program.template, pointer)
    evaluator = program.evaluator(loops)
    try:
        wanted = truth("condition", evaluator.value(resource.get("condition", True)))
        texts = {name: evaluator.value(resource.get(name)) for name in ("type", "name", "apiVersion")}
        made = _planned(texts, parent)
        made.pointer, made.loops, made.symbol = pointer, loops, symbol
        _place(
            program, made, {k: evaluator.value(resource.get(k)) for k in ("scope", "subscriptionId", "resourceGroup")}
        )
    except (ExpressionError, RuntimeNeededError) as error:
        raise wrong(program, pointer, error) from None
    try:
        location = evaluator.value(resource.get("location"))
        made.location = locations.normalize(location) if isinstance(location, str) else None
    except RuntimeNeededError:
        pass
    except ExpressionError as error:
        raise wrong(program, pointer, error) from None
    if not wanted or resource.get("existing") is True:
        made.state = "Skipped"
        made.existing = resource.get("existing") is True
    yield made
    inner = resource.get("resources")
    if inner is not None:
        for key, below in _children(inner, [*pointer, "resources"]):
            for child in _instances(program, below, loops, made, key):
                if made.state == "Skipped" and not made.existing:
                    child.state = "Skipped"
                yield child


def _planned(texts: dict[str, Any], parent: Planned | None) -> Planned:
    for name in ("type", "name", "apiVersion"):
        if not isinstance(texts[name], str) or not texts[name].strip():
            raise ExpressionError(f"The {name} property cannot be null or empty")
    resource_type, name = texts["type"], texts["name"]
    if parent is not None:
        resource_type = f"{parent.type}/{resource_type}"
        name = f"{parent.name}/{name}"
    return Planned("", resource_type, name, texts["apiVersion"], [], {})


def _place(program: Program, made: Planned, where: dict[str, Any]) -> None:
    """Give a resource its id."""
    for name, value in where.items():
        if value is not None and not isinstance(value, str):
            raise ExpressionError(f"The {name} property must be a string, not '{kind(value)}'")
    target = program.target
    try:
        if where["scope"] and not made.is_deployment:
            base = where["scope"] if where["scope"].startswith("/subscriptions") else _scoped(target, where["scope"])
            made.id = f"{base.rstrip('/')}/providers/{joined(made.type, made.name.split('/'))}"
            return
        if made.is_deployment and (where["subscriptionId"] or where["resourceGroup"]):
            group = where["resourceGroup"] or ("" if where["subscriptionId"] else target.group)
            target = Target(where["subscriptionId"] or target.subscription, group)
        made.id = target.resource(made.type, made.name)
    except ExpressionError:
        raise ExpressionError(
            f"The template resource '{made.name}' for type '{made.type}' has incorrect segment lengths. A nested resource "
            "type must have identical number of segments as its resource name. A root resource type must have segment "
            f"length one greater than its resource name. {_SEE}"
        ) from None


def _scoped(target: Target, scope: str) -> str:
    """``Microsoft.Compute/virtualMachines/vm`` as the id of a resource here."""
    namespace, *rest = scope.strip("/").split("/")
    kinds, names = rest[::2], rest[1::2]
    return target.resource("/".join([namespace, *kinds]), "/".join(names))


def _check_unique(planned: list[Planned]) -> None:
    seen = set()
    for one in planned:
        if one.state == "Skipped":
            continue
        if one.id.lower() in seen:
            raise TemplateError(
                f"The resource '{one.type}/{one.name}' at line '1' and column '1' is defined multiple times in a template. "
                f"{_SEE}"
            )
        seen.add(one.id.lower())


def _batches(planned: list[Planned]) -> None:
    """Each batch of a serial loop waits for the whole one before it."""
    for one in planned:
        if one.copy_name and one.batch:
            before = [
                at
                for at, other in enumerate(planned)
                if other.copy_name == one.copy_name and other.batch == one.batch - 1
            ]
            one.depends += [at for at in before if at not in one.depends]


def _check_circles(planned: list[Planned]) -> None:
    waiting = {at: set(one.depends) for at, one in enumerate(planned)}
    while waiting:
        free = [at for at, before in waiting.items() if not before & waiting.keys()]
        if not free:
            one = planned[next(iter(waiting))]
            raise TemplateError(f"Circular dependency detected on resource: '{one.id}'. {_SEE}")
        for at in free:
            del waiting[at]
