# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that were carried out without an answer, where repeating them is not all that has to be done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from _azure.conftest import DISKS, GROUP, Answer, FakeAzure
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.errors import AzureError
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import disk_access, virtual_machines
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.marks import CONTENT
from ansible_collections.goldenimage.azure.plugins.module_utils._resources.upload_blob import BlobTarget
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session

DISK = f"{DISKS}/d"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/v"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/acct"
LOST = Answer(drop=True)
MIB = 1 << 20


@dataclass
class Task:
    """As much of a task as the resources use."""

    azure: Session
    params: dict[str, Any] = field(default_factory=dict)
    undos: list[Undo] = field(default_factory=list)

    def undo(self, description: str, function: Callable[[], object]) -> Undo:
        self.undos.append(Undo(description, function))
        return self.undos[-1]


def active() -> Answer:
    text = "There is an active shared access signature outstanding for disk d. Call EndGetAccess first."
    return Answer(409, {"error": {"code": "OperationNotAllowed", "message": text}})


class TestDiskAccess:
    def test_granted_without_an_answer(self, azure: FakeAzure, session: Session) -> None:
        """The address that was told to nobody is made worthless, and another one asked for."""
        azure.on("GET", DISK, Answer(body={"properties": {"provisioningState": "Succeeded", "diskState": "ActiveSAS"}}))
        azure.on("POST", f"{DISK}/beginGetAccess", LOST, active(), Answer(body={"accessSAS": "https://second"}))
        azure.on("POST", f"{DISK}/endGetAccess", LOST, Answer(200))
        with disk_access.granted(Task(session), "rg", "d", "Write") as lent:
            assert lent.grant().url == "https://second"
            calls = [call.rpartition("/")[2] for call in azure.calls("POST")]
            assert calls == ["beginGetAccess", "beginGetAccess", "endGetAccess", "endGetAccess", "beginGetAccess"]
        assert azure.calls("POST")[-1].endswith("endGetAccess")

    def test_granted_twice_without_an_answer(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISK, Answer(body={"properties": {"provisioningState": "Succeeded", "diskState": "ActiveSAS"}}))
        granted = Answer(body={"accessSAS": "https://third"})
        azure.on("POST", f"{DISK}/beginGetAccess", LOST, active(), LOST, active(), granted)
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with disk_access.granted(Task(session), "rg", "d", "Read") as lent:
            assert lent.grant().url == "https://third"

    def test_what_revoking_ended_is_restored_unless_it_was_used(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISK, Answer(body={"properties": {"provisioningState": "Succeeded"}}))
        first, second = (Answer(body={"accessSAS": f"https://{name}"}) for name in ("first", "second"))
        azure.on("POST", f"{DISK}/beginGetAccess", LOST, active(), first, active(), second)
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        restored: list[str] = []
        lending = disk_access.granted(
            Task(session), "rg", "d", "Write", restored=lambda: restored.append(azure.calls("POST")[-1])
        )
        with lending as lent:
            assert lent.grant().url == "https://first"
            assert restored == [f"POST {DISK}/endGetAccess"]
            assert lent.renewed().url == "https://second"
            assert len(restored) == 1

    def test_the_access_of_somebody_else_is_left_alone(self, azure: FakeAzure, session: Session) -> None:
        azure.on("POST", f"{DISK}/beginGetAccess", active())
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with (
            pytest.raises(AzureError, match="active shared access"),
            disk_access.granted(Task(session), "rg", "d", "Read") as lent,
        ):
            lent.grant()
        assert azure.calls("POST") == [f"POST {DISK}/beginGetAccess"]

    def test_what_is_granted_after_a_refusal_is_revoked(self, azure: FakeAzure, session: Session) -> None:
        azure.on("POST", f"{DISK}/beginGetAccess", active(), Answer(body={"accessSAS": "https://ours"}))
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with disk_access.granted(Task(session), "rg", "d", "Read") as lent:
            with pytest.raises(AzureError, match="active shared access"):
                lent.grant()
            assert lent.grant().url == "https://ours"
        assert azure.calls("POST")[-1] == f"POST {DISK}/endGetAccess"

    def test_what_was_begun_and_not_followed_to_its_end_is_revoked(self, azure: FakeAzure, session: Session) -> None:
        begun = Answer(202, None, {"Location": f"{azure.url}/operations/1"})
        azure.on("POST", f"{DISK}/beginGetAccess", begun)
        azure.on("GET", "/operations/1", Answer(403))
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with (
            pytest.raises(AzureError, match="get read access"),
            disk_access.granted(Task(session), "rg", "d", "Read") as lent,
        ):
            lent.grant()
        assert azure.calls("POST")[-1] == f"POST {DISK}/endGetAccess"

    def test_renewing_ends_the_access_before(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISK, Answer(body={"properties": {"provisioningState": "Succeeded"}}))
        first, second = (Answer(body={"accessSAS": f"https://{name}"}) for name in ("first", "second"))
        azure.on("POST", f"{DISK}/beginGetAccess", first, active(), second)
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with disk_access.granted(Task(session), "rg", "d", "Write") as lent:
            assert lent.grant().url == "https://first"
            assert lent.renewed().url == "https://second"

    def test_an_access_that_may_have_been_granted_is_revoked(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", DISK, Answer(body={"properties": {"provisioningState": "Succeeded"}}))
        azure.on("POST", f"{DISK}/beginGetAccess", LOST)
        azure.on("POST", f"{DISK}/endGetAccess", Answer(200))
        with (
            pytest.raises(Exception, match="get write access"),
            disk_access.granted(Task(session), "rg", "d", "Write") as lent,
        ):
            lent.grant()
        assert azure.calls("POST")[-1].endswith("endGetAccess")


class TestRestart:
    @staticmethod
    def seen(time: str) -> Answer:
        status = {"code": "ProvisioningState/succeeded", "time": time}
        return Answer(body={"properties": {"provisioningState": "Succeeded", "instanceView": {"statuses": [status]}}})

    def test_once(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", MACHINE, self.seen("2026-11-25T10:00:00Z"), self.seen("2026-11-25T10:07:00Z"))
        azure.on("POST", f"{MACHINE}/restart", LOST)
        virtual_machines.restart(Task(session), "rg", "v")
        assert len(azure.calls("POST")) == 1

    def test_again_if_it_was_not_done(self, azure: FakeAzure, session: Session) -> None:
        azure.on("GET", MACHINE, self.seen("2026-11-25T10:00:00Z"))
        azure.on("POST", f"{MACHINE}/restart", LOST, Answer(200))
        virtual_machines.restart(Task(session), "rg", "v")
        assert len(azure.calls("POST")) == 2


class TestPageBlob:
    def target(self, azure: FakeAzure, session: Session) -> BlobTarget:
        properties = {"primaryEndpoints": {"blob": f"{azure.url}/acct/"}}
        azure.on("GET", ACCOUNT, Answer(body={"name": "acct", "id": ACCOUNT, "properties": properties}))
        azure.on("POST", f"{ACCOUNT}/listKeys", Answer(503), Answer(body={"keys": [{"value": "a2V5"}]}))
        azure.on("GET", GROUP, Answer(body={}))
        params = {
            "resource_group": "rg",
            "storage_account": "acct",
            "container": "vhds",
            "blob": "d.vhd",
            "create_container": True,
            "blob_auth": "key",
        }
        return BlobTarget(Task(session, params), MIB)

    def test_made_without_an_answer(self, azure: FakeAzure, session: Session) -> None:
        absent = Answer(404, None, {"x-ms-error-code": "ContainerNotFound"})
        exists = Answer(409, None, {"x-ms-error-code": "ContainerAlreadyExists"})
        azure.on("GET", "/acct/vhds", absent)
        azure.on("PUT", "/acct/vhds", LOST, exists)
        azure.on("PUT", "/acct/vhds/d.vhd", LOST, Answer(500), Answer(201))
        with self.target(azure, session).receiving():
            pass
        made = [got for got in azure.requests if got.method == "PUT" and got.path.endswith("d.vhd")]
        assert len(made) == 3
        assert made[-1].headers[f"x-ms-meta-{CONTENT}"] == "incomplete"
