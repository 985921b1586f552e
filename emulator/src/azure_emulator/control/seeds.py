# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many resources at once: ``POST /_control/seed``.

::

    {"resources": [{"id": "/resourceGroups/rg", "location": "eastus"},
                   {"id": "/resourceGroups/rg/providers/Microsoft.Compute/disks/d", "api_version": "2024-07-01", …}],
     "copies": [{"of": [id, …], "count": 1000, "name": "vm{n:04}"}],
     "generate": {"machines": 1000, "versions": 10000, "definitions": 10, "group": "load", "location": "eastus"}}

``resources`` are PUT in order, by the same handlers as a client's requests, as the contributor; each operation has ended
before the next begins. An id may leave out the subscription. ``copies`` are written straight into the store, some
ten thousand a second: of each resource ``of`` one by the name of every number from 1 to ``count``. Several resources are
copied together, and what one says about another is then true of the copies. Every copy has bytes and unique ids of its own;
what its source holds reserved elsewhere (an address, a subnet) it does not. ``generate`` makes a group with machines and
gallery versions: the first of each as a resource, the others as copies. The answer counts what there is now.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.control import generated
from azure_emulator.core import hooks, ids, internal
from azure_emulator.core.checks import SettingError, check_fields, text, whole
from azure_emulator.core.errors import ArmError
from azure_emulator.core.latency import Profile
from azure_emulator.core.tokens import Principal

if TYPE_CHECKING:
    from azure_emulator.core.app import Emulator
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

_VERSION = "2024-07-01"
_VERSIONS = {"microsoft.network": "2024-05-01", "microsoft.storage": "2023-05-01", "": "2022-09-01"}
_BATCH = 500
_SECONDS = 120.0
_UNIQUE = ("vmId", "uniqueId", "resourceGuid", "sourceUniqueId")


def sow(emulator: Emulator, body: dict[str, Any]) -> dict[str, int]:
    """Carry out a seed; how many resources there are afterwards.

    :raises SettingError: for a seed that is wrong, with what Azure would have said about a resource.
    """
    check_fields(body, ("resources", "copies", "generate"), "seed")
    for name in ("resources", "copies"):
        if not isinstance(body.get(name, []), list):
            raise SettingError(f"seed.{name} must be a list, not {body[name]!r}")
    plan = [(body.get("resources", []), body.get("copies", []))]
    if "generate" in body:
        plan += generated.steps(body["generate"])
    for resources, copies in plan:
        for at, resource in enumerate(resources):
            _put(emulator, resource, f"seed.resources[{at}]")
        for at, copy in enumerate(copies):
            _copy(emulator, copy, f"seed.copies[{at}]")
    with emulator.reading() as scope:
        return {"resources": scope.store.count()}


def _whole_id(emulator: Emulator, value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.startswith("/"):
        raise SettingError(f"{name} must be a resource id, not {value!r}")
    known = value.lower().startswith("/subscriptions/")
    identity = value if known else f"/subscriptions/{emulator.credentials.subscription}{value}"
    try:
        ids.parse(identity)
    except ArmError as error:
        raise SettingError(f"{name}: {error.message}") from None
    return identity


# Resources -------------------------------------------------------------------------------------------------------------


def _put(emulator: Emulator, resource: Any, name: str) -> None:
    """PUT one resource, and see its operation to its end."""
    if not isinstance(resource, dict):
        raise SettingError(f"{name} must be an object, not {resource!r}")
    identity = _whole_id(emulator, resource.get("id"), f"{name}.id")
    provider = ids.parse(identity).type.partition("/")[0].lower()
    default = _VERSIONS.get("" if provider == "microsoft.resources" else provider, _VERSION)
    version = text(resource, "api_version", name) or default
    account = emulator.credentials.contributor
    caller = Principal(account.client_id, account.object_id, account.role, emulator.credentials.tenant)
    # References within the subscription may leave it out, too.
    body = _completed(resource, f"/subscriptions/{emulator.credentials.subscription}")

    def put(scope: Scope) -> tuple[str, ...]:
        scope.operations.profile = Profile("instant")
        return internal.request(scope, caller, "PUT", identity, version, body).operations

    try:
        for operation in emulator.run(put, write=True):
            _finish(emulator, operation)
    except ArmError as error:
        raise SettingError(f"{name} ({identity}): {error.code}: {error.message}") from None


def _completed(resource: dict[str, Any], subscription: str) -> dict[str, Any]:
    def complete(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: complete(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [complete(inner) for inner in value]
        return f"{subscription}{value}" if isinstance(value, str) and value.startswith("/resourceGroups/") else value

    return {key: complete(value) for key, value in resource.items() if key not in ("id", "api_version")}


def _finish(emulator: Emulator, operation_id: str) -> None:
    limit = time.monotonic() + _SECONDS
    while True:
        # A writing transaction ends what is due before it does anything else.
        found = emulator.run(lambda scope: scope.operations.get(operation_id), write=True)
        if found is None or not found.running:
            break
        if time.monotonic() > limit:
            raise ArmError(504, "GatewayTimeout", f"The operation {found.effect} does not end.")
        time.sleep(0.005)
    if found is not None and found.error:
        raise ArmError(409, found.error["code"], found.error["message"])


# Copies ----------------------------------------------------------------------------------------------------------------


def _copy(emulator: Emulator, copy: Any, name: str) -> None:
    check_fields(copy, ("of", "count", "name"), name)
    given = copy.get("of")
    sources = [_whole_id(emulator, one, f"{name}.of") for one in (given if isinstance(given, list) else [given])]
    form, count = text(copy, "name", name), whole(copy, "count", name)
    try:
        names = [form.format(n=number) for number in range(1, count + 1)]
    except (ValueError, LookupError, AttributeError, TypeError):
        raise SettingError(f"{name}.name is not a name with {{n}}: {form!r}") from None
    if len({one.lower() for one in names}) != count:
        raise SettingError(f"{name}.name must contain {{n}}, not be {form!r}")
    with emulator.reading() as scope:
        docs = [scope.store.get(one) for one in sources]
    missing = [one for one, doc in zip(sources, docs, strict=True) if doc is None]
    if missing:
        raise SettingError(f"{name}.of: there is no {missing[0]}")
    templates = _templates([doc for doc in docs if doc is not None])
    for begin in range(0, count, _BATCH):
        with emulator.writing() as scope:
            for one in names[begin : begin + _BATCH]:
                _write(scope, templates, one)


def _templates(docs: list[Doc]) -> list[str]:
    """The documents as JSON text, in which a mark stands for the copy's name."""
    texts = [json.dumps(doc | {"name": "\0"}) for doc in docs]
    for doc in docs:
        parent = str(doc["id"]).rpartition("/")[0]
        pattern = re.compile(re.escape(json.dumps(doc["id"])[1:-1]) + r'(?=["/])', re.IGNORECASE)
        marked = json.dumps(f"{parent}/\0")[1:-1].replace("\\", "\\\\")
        texts = [pattern.sub(marked, one) for one in texts]
    return texts


def _write(scope: Scope, templates: list[str], name: str) -> None:
    fresh: dict[str, str] = {}
    for template in templates:
        doc = json.loads(template.replace("\\u0000", json.dumps(name)[1:-1]))
        _renew(doc, fresh)
        for function in hooks.copied:
            function(scope, doc)
        scope.store.put(doc["id"], doc)


def _renew(value: Any, fresh: dict[str, str]) -> None:
    """Give unique ids that are nobody else's; the same for what the copied resources know of each other."""
    if isinstance(value, list):
        for inner in value:
            _renew(inner, fresh)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in _UNIQUE and isinstance(inner, str):
                value[key] = fresh.setdefault(inner, str(uuid.uuid4()))
            else:
                _renew(inner, fresh)
        attached = value.get("managedDisk")
        if isinstance(attached, dict) and "id" in attached and "name" in value:
            value["name"] = attached["id"].rpartition("/")[2]
