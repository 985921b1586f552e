# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A template with its parameters, as the functions in its expressions see it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from azure_emulator.services.deployments import targets, world
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError, cannot, check_size
from azure_emulator.services.deployments.language.evaluate import Evaluator
from azure_emulator.services.deployments.language.table import check_count, text
from azure_emulator.services.deployments.parameters import declared, missing, section, value_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from azure_emulator.services.deployments.plan import Planned
    from azure_emulator.services.deployments.targets import Target
    from azure_emulator.services.deployments.world import World

_SEE = "Please see https://aka.ms/arm-template"
_DEFAULT_TIME = "yyyyMMddTHHmmssZ"


@dataclass(slots=True)
class Program:
    """``running``: resources are deployed, ``reference`` and ``list…`` can be answered."""

    name: str
    target: Target
    template: dict[str, Any]
    world: World
    mode: str = "Incremental"
    parameters: dict[str, Any] = field(default_factory=dict)
    planned: list[Planned] = field(default_factory=list)
    running: bool = False
    #: Of a deployment to a subscription.
    location: str | None = None
    _variables: dict[str, Any] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)

    def bind(self, given: dict[str, Any]) -> None:
        """Compute the values of all parameters.

        :raises TemplateError: for missing and wrong ones.
        """
        absent = []
        evaluator = self.evaluator(initial=True)
        for name, declaration in declared(self.template).items():
            found, value = value_of(name, declaration, given, evaluator.value)
            if found:
                self.parameters[name] = check_size(value)
            else:
                absent.append(name)
        if absent:
            raise missing(absent[0])

    def evaluator(self, loops: Mapping[str, int] | None = None, *, initial: bool = False) -> Evaluator:
        """Computes the template's expressions; ``initial``: those of the parameters' default values."""
        special: dict[str, Callable[[str, list[Any]], Any]] = {
            "parameters": self._parameter,
            "variables": self._variable,
            "resourceid": self._resource_id,
            "subscriptionresourceid": self._resource_id,
            "tenantresourceid": self._resource_id,
            "extensionresourceid": self._extension_id,
            "resourcegroup": lambda *_: self.world.group(self.target),
            "subscription": lambda *_: self.world.subscription(self.target),
            "tenant": lambda *_: self.world.tenant(),
            "environment": lambda *_: self.world.environment(),
            "deployment": lambda *_: self._deployment(),
            "reference": self._reference,
            "providers": self._providers,
            "pickzones": lambda _name, arguments: world.pick_zones(arguments),
        }
        if initial:
            special |= {"utcnow": self._now, "newguid": lambda *_: str(uuid.uuid4())}
        return Evaluator(special, self._missing, dict(loops or {}))

    def find(self, wanted: str) -> list[Planned]:
        """The resources that a name, an id, a symbol or the name of a copy loop means."""
        lower = wanted.lower().strip("/")
        if not lower:
            return []
        by_id = [one for one in self.planned if one.id.lower().strip("/") == lower]
        if by_id or wanted.startswith("/"):
            return by_id
        for same in (_symbol, _typed_name, _name, _loop):
            found = [one for one in self.planned if same(one) == lower]
            if found:
                return found
        return []

    def _parameter(self, name: str, arguments: list[Any]) -> Any:
        wanted = _only_text(name, arguments)
        for key, value in self.parameters.items():
            if key.lower() == wanted.lower():
                return value
        known = {key.lower() for key in section(self.template, "parameters")}
        if wanted.lower() in known:
            raise ExpressionError(
                f"The template parameter '{wanted}' is used before it has a value. {_SEE}/#parameters for usage details."
            )
        raise ExpressionError(f"The template parameter '{wanted}' is not found. {_SEE}/#parameters for usage details.")

    def _variable(self, name: str, arguments: list[Any]) -> Any:
        wanted = _only_text(name, arguments).lower()
        if wanted in self._variables:
            return self._variables[wanted]
        if wanted in self._busy or len(self._busy) > 40:
            raise ExpressionError(
                f"The template variable '{arguments[0]}' refers to itself. {_SEE}/#variables for usage details."
            )
        self._busy.add(wanted)
        try:
            value = self._computed(wanted, arguments[0])
        finally:
            self._busy.discard(wanted)
        self._variables[wanted] = value
        return value

    def _computed(self, wanted: str, shown: str) -> Any:
        variables = section(self.template, "variables")
        evaluator = self.evaluator()
        for key, given in variables.items():
            if key.lower() == wanted and not (wanted == "copy" and isinstance(given, list)):
                return check_size(evaluator.value(given))
        for loop in _loops(variables):
            if str(loop.get("name", "")).lower() == wanted:
                return evaluator.copies([loop])[loop["name"]]
        raise ExpressionError(f"The template variable '{shown}' is not found. {_SEE}/#variables for usage details.")

    def _resource_id(self, name: str, arguments: list[Any]) -> str:
        return targets.resource_id(name, self.target, [text(name, argument) for argument in arguments])

    def _extension_id(self, name: str, arguments: list[Any]) -> str:
        check_count(name, len(arguments), 3, None)
        return targets.extension_resource_id([text(name, argument) for argument in arguments])

    def _deployment(self) -> dict[str, Any]:
        properties = {
            "template": self.template,
            "parameters": {name: {"value": value} for name, value in self.parameters.items()},
            "mode": self.mode,
            "provisioningState": "Accepted",
        }
        where = {"location": self.location} if self.location else {}
        return {"name": self.name, **where, "properties": properties}

    def _providers(self, name: str, arguments: list[Any]) -> Any:
        check_count(name, len(arguments), 1, 2)
        kind = text(name, arguments[1]) if len(arguments) > 1 else None
        return self.world.providers(self.target, text(name, arguments[0]), kind)

    def _reference(self, name: str, arguments: list[Any]) -> Any:
        if not self.running:
            raise RuntimeNeededError(name)
        check_count(name, len(arguments), 1, 3)
        wanted, *rest = (text(name, argument) for argument in arguments)
        full = len(rest) > 1 and rest[1].lower() == "full"
        found = self.find(wanted)
        if found and found[0].copy_name and wanted.lower() == found[0].copy_name.lower():
            return [self._referred(one.id, rest[0] if rest else one.api_version, full, one) for one in found]
        if found:
            return self._referred(found[0].id, rest[0] if rest else found[0].api_version, full, found[0])
        if not wanted.startswith("/"):
            raise ExpressionError(
                f"The template resource '{wanted}' reference is not valid: could not find template resource or resource copy "
                "with this name. Please see https://aka.ms/arm-function-reference for usage details."
            )
        if not rest:
            raise cannot(
                name, f"the resource '{wanted}' is not defined in the template: its API version must be given."
            )
        return self._referred(wanted, rest[0], full, None)

    def _referred(self, resource_id: str, api_version: str, full: bool, planned: Planned | None) -> Any:
        found = self.world.get(resource_id, api_version)
        properties = found.get("properties", {})
        if not full:
            return properties
        kept = ("location", "sku", "tags", "kind", "plan", "identity", "zones", "managedBy")
        here = targets.of_id(resource_id)
        return {
            "apiVersion": api_version,
            **{name: found[name] for name in kept if name in found},
            "properties": properties,
            "subscriptionId": here.subscription,
            "resourceGroupName": here.group,
            "scope": "",
            "resourceId": resource_id.partition(f"{here.id}/providers/")[2] or resource_id,
            "referenceApiVersion": api_version,
            "condition": True,
            "isConditionTrue": True,
            "isTemplateResource": planned is not None,
            "isAction": False,
            "provisioningOperation": "Create" if planned else "Read",
        }

    def _missing(self, name: str, arguments: list[Any]) -> Any:
        if name.lower().startswith("list") and "." not in name:
            return self._list(name, arguments)
        return self._own_function(name, arguments)

    def _list(self, name: str, arguments: list[Any]) -> Any:
        if not self.running:
            raise RuntimeNeededError(name)
        check_count(name, len(arguments), 2, 3)
        wanted, version = text(name, arguments[0]), text(name, arguments[1])
        found = self.find(wanted)
        return self.world.post(
            found[0].id if found else wanted, name, version, arguments[2] if len(arguments) > 2 else None
        )

    def _own_function(self, name: str, arguments: list[Any]) -> Any:
        """A function that the template defines: it sees its own parameters and nothing else."""
        namespace, _ignored, member = name.rpartition(".")
        found = _definition(self.template, namespace, member) if namespace else None
        if found is None:
            return NotImplemented
        names = [str(one.get("name", "")) for one in found.get("parameters") or [] if isinstance(one, dict)]
        check_count(name, len(arguments), len(names), len(names))
        given = dict(zip(names, arguments, strict=True))
        inside = Program(self.name, self.target, {"parameters": dict.fromkeys(names)}, self.world, parameters=given)
        output = found.get("output")
        return check_size(inside.evaluator().value(output.get("value") if isinstance(output, dict) else None))

    def _now(self, name: str, arguments: list[Any]) -> str:
        how = text(name, arguments[0]) if arguments else _DEFAULT_TIME
        moment = datetime.fromtimestamp(self.world.scope.clock.now(), UTC)
        if how in ("u", "o", "O"):
            return moment.strftime("%Y-%m-%d %H:%M:%SZ" if how == "u" else "%Y-%m-%dT%H:%M:%S.%f0Z")
        for letters, form in _TIMES:
            how = how.replace(letters, form)
        # Half a surrogate pair is something that strftime cannot take.
        return moment.strftime(how.encode("ascii", "replace").decode())


# .NET's letters, longest first, and Python's.
_TIMES = (
    ("%", "%%"),
    ("yyyy", "%Y"),
    ("MM", "%m"),
    ("dd", "%d"),
    ("HH", "%H"),
    ("mm", "%M"),
    ("ss", "%S"),
)


def _only_text(name: str, arguments: list[Any]) -> str:
    check_count(name, len(arguments), 1, 1)
    return text(name, arguments[0])


def _loops(variables: dict[str, Any]) -> list[dict[str, Any]]:
    copies = next((value for key, value in variables.items() if key.lower() == "copy"), None)
    return [loop for loop in copies if isinstance(loop, dict)] if isinstance(copies, list) else []


def _definition(template: dict[str, Any], namespace: str, member: str) -> dict[str, Any] | None:
    groups = template.get("functions")
    for group in groups if isinstance(groups, list) else []:
        if not isinstance(group, dict) or str(group.get("namespace", "")).lower() != namespace.lower():
            continue
        members = group.get("members")
        for key, found in members.items() if isinstance(members, dict) else ():
            if key.lower() == member.lower() and isinstance(found, dict):
                return found
    return None


def _symbol(one: Planned) -> str:
    return (one.symbol or "").lower()


def _typed_name(one: Planned) -> str:
    return f"{one.type}/{one.name}".lower()


def _name(one: Planned) -> str:
    return one.name.lower()


def _loop(one: Planned) -> str:
    return (one.copy_name or "").lower()
