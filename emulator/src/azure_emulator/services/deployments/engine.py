# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a deployment: a state machine in the store that goes on whenever something it waited for has ended."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from azure_emulator.core import internal
from azure_emulator.core.errors import ArmError
from azure_emulator.core.operations import Again, Failed, effect
from azure_emulator.core.tokens import Principal
from azure_emulator.services.deployments import errors, outputs, plan, records
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError
from azure_emulator.services.deployments.links import EARLY, inner_scope
from azure_emulator.services.deployments.plan import Planned
from azure_emulator.services.deployments.program import Program
from azure_emulator.services.deployments.targets import of_id
from azure_emulator.services.deployments.world import World

if TYPE_CHECKING:
    from azure_emulator.core.context import Scope
    from azure_emulator.core.store import Doc

# Every type here knows it.
_DELETES_WITH = "2024-03-01"
_UNKNOWN = ("InvalidResourceType", "InvalidResourceNamespace", "HttpMethodNotSupported", "MissingSubscription")


def _broken(scope: Scope, args: dict[str, Any], error: ArmError) -> None:
    doc = records.load(scope, args["id"])
    if doc:
        doc["properties"] |= {"provisioningState": "Failed", "error": error.inner()}
        records.save(scope, doc)


@effect("deployments.run", failed=_broken, resumable=True)
def _run(scope: Scope, args: dict[str, Any]) -> Again | Failed | None:
    doc = records.load(scope, args["id"])
    if doc is None or doc["_sequence"] != args["sequence"]:
        return None
    return _Run(scope, doc).step()


class _Run:
    def __init__(self, scope: Scope, doc: Doc) -> None:
        self._scope = scope
        self._doc = doc
        self._now = scope.clock.now()
        self._plan = records.planned(doc)
        self._removals = records.planned(doc, "_removals")
        self._world = World(scope, Principal(**doc["_principal"]))
        self._program = Program(
            doc["name"],
            of_id(doc["id"]),
            doc["_template"],
            self._world,
            doc["properties"]["mode"],
            doc["_parameters"],
            self._plan,
            running=True,
            location=doc.get("location"),
        )

    def step(self) -> Again | Failed | None:
        """Take up what has ended, begin what may begin; the end, or what to wait for."""
        for one in (*self._plan, *self._removals):
            if one.state == "Running":
                self._look(one)
        if not self._failed():
            self._begin()
        waiting = self._running()
        if not waiting and not self._failed() and self._doc["properties"]["mode"] == "Complete":
            self._remove()
            waiting = self._running()
        self._save("Running")
        if waiting:
            return Again([operation for one in waiting for operation in one.operations])
        return self._end()

    def _running(self) -> list[Planned]:
        return [one for one in (*self._plan, *self._removals) if one.state == "Running"]

    def _failed(self) -> list[Planned]:
        return [one for one in (*self._plan, *self._removals) if one.state == "Failed"]

    def _look(self, one: Planned) -> None:
        """See whether the operations of a resource have ended."""
        for identity in [*one.operations]:
            operation = self._scope.operations.get(identity)
            if operation is None or operation.status == "Succeeded":
                continue
            if operation.running:
                return
            if operation.error:
                self._fail(one, errors.ended_failed(operation.error))
                return
            # Canceled: somebody else's write took its place, or somebody cancelled a nested deployment.
            newer = self._scope.operations.running(one.id)
            if newer is not None:
                one.operations = [newer.id]
                return
            if one.is_deployment and self._is_canceled(one.id):
                self._fail(one, errors.ended_failed(errors.canceled().inner(), "Canceled"))
                return
        one.state, one.ended = "Succeeded", self._now

    def _is_canceled(self, deployment_id: str) -> bool:
        doc = records.load(self._scope, deployment_id)
        return doc is not None and doc["properties"]["provisioningState"] == "Canceled"

    def _fail(self, one: Planned, failure: dict[str, Any]) -> None:
        one.state, one.ended, one.failure = "Failed", self._now, failure
        one.status_code = failure["status_code"]

    def _begin(self) -> None:
        """Start every resource whose dependencies are there; those that are ready at once free others."""
        while ready := [one for one in self._plan if one.state == "Waiting" and self._is_free(one)]:
            for one in ready:
                self._start(one)
            if self._failed():
                return

    def _is_free(self, one: Planned) -> bool:
        return all(self._plan[at].state in ("Succeeded", "Skipped") for at in one.depends)

    def _start(self, one: Planned) -> None:
        one.started = self._now
        try:
            self._call(one, self._body(one) if one.verb == "PUT" else None)
        except ArmError as error:
            self._fail(one, errors.refused(error))

    def _call(self, one: Planned, body: dict[str, Any] | None) -> None:
        try:
            internal.find(one.verb, one.id)
        except ArmError as error:
            if error.code not in _UNKNOWN:
                raise
            raise errors.type_not_found(one.type, one.api_version) from None
        answer = internal.request(self._scope, self._world.principal, one.verb, one.id, one.api_version, body)
        one.status_code = errors.status_name(answer.reply.status)
        one.operations = [*answer.operations]
        one.state = "Running" if one.operations else "Succeeded"
        one.ended = None if one.operations else self._now

    def _body(self, one: Planned) -> dict[str, Any]:
        resource = plan.raw(self._program.template, one.pointer)
        evaluator = self._program.evaluator(one.loops)
        given = {name: value for name, value in resource.items() if name not in EARLY}
        verbatim: dict[str, Any] = {}
        properties = given.get("properties")
        if one.is_deployment and isinstance(properties, dict) and inner_scope(properties) and "template" in properties:
            verbatim = {"template": properties["template"]}
            given["properties"] = {name: value for name, value in properties.items() if name != "template"}
        try:
            body = evaluator.value(given)
        except (ExpressionError, RuntimeNeededError, RecursionError) as error:
            why = "the expressions are nested too deeply" if isinstance(error, RecursionError) else error
            column = plan.position(self._program.template, resource)
            raise ArmError(
                400,
                "InvalidTemplate",
                f"Unable to process template language expressions for resource '{one.id}' at line '1' and column "
                f"'{column}'. '{why}'",
            ) from None
        if verbatim:
            body["properties"] |= verbatim
        return {name: value for name, value in body.items() if value is not None}

    def _remove(self) -> None:
        """Complete mode: delete what the template does not name; what others hold on to waits for them."""
        if not self._doc["_counted"]:
            self._removals = self._surplus()
            self._doc["_counted"] = True
        while waiting := [one for one in self._removals if one.state == "Waiting"]:
            refused = [(one, failure) for one in waiting if (failure := self._delete(one))]
            if self._running():
                return
            if len(refused) == len(waiting):
                for one, failure in refused:
                    self._fail(one, failure)

    def _surplus(self) -> list[Planned]:
        found = [
            doc for doc in records.others(self._scope, self._program.target, self._plan) if records.is_surplus(doc)
        ]
        return [Planned(doc["id"], doc["type"], doc["name"], _DELETES_WITH, [], {}, verb="DELETE") for doc in found]

    def _delete(self, one: Planned) -> dict[str, Any] | None:
        """Try to; the reason when it is refused, and it goes on waiting."""
        one.started, one.failure = self._now, None
        try:
            self._call(one, None)
        except ArmError as error:
            one.failure = errors.refused(error)
        return one.failure

    def _save(self, state: str) -> None:
        properties = self._doc["properties"]
        properties["provisioningState"] = state
        properties["timestamp"] = self._scope.clock.iso_z()
        properties["duration"] = records.duration(self._now - self._doc["_started"])
        self._doc["_plan"] = [one.json() for one in self._plan]
        self._doc["_removals"] = [one.json() for one in self._removals]
        records.save(self._scope, self._doc)

    def _end(self) -> Failed | None:
        failures = [(one.id, one.failure or {}) for one in self._failed()]
        error = errors.deployment_failed(self._doc["id"], failures, self._doc["_version"]) if failures else None
        properties = self._doc["properties"]
        if error is None:
            try:
                found = outputs.compute(self._program)
                if found is not None:
                    properties["outputs"] = found
            except ArmError as wrong:
                error = wrong
            self._doc["_evaluated"] = self._evaluation(error)
        if error is not None:
            properties["error"] = error.inner()
            self._save("Failed")
            return Failed(error)
        properties["outputResources"] = records.resources(self._scope, self._plan)
        self._save("Succeeded")
        return None

    def _evaluation(self, error: ArmError | None) -> dict[str, Any]:
        return {
            "provisioningState": "Failed" if error else "Succeeded",
            "timestamp": self._scope.clock.iso_z(),
            "duration": "PT0S",
            "trackingId": str(uuid.uuid4()),
            "statusCode": errors.status_name(error.status) if error else "OK",
            "statusMessage": error.body() if error else None,
        }
