# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: start, stop, kill -9, ports, files, the control API."""

from __future__ import annotations

import socket
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from local_azure import LocalAzure


def test_secrets_are_private_and_random(azure: LocalAzure) -> None:
    for name in (
        "credentials.json",
        "server.lock",
        "state.sqlite",
        "state.sqlite-wal",
        "requests.jsonl",
        "tls/server.key",
        "tls/tokens.key",
    ):
        assert stat.S_IMODE((azure.data / name).stat().st_mode) == 0o600, name
    assert len(azure.secrets["contributor"]["secret"]) >= 30
    assert azure.secrets["contributor"]["secret"] != azure.secrets["reader"]["secret"]


def test_listens_on_loopback_only(azure: LocalAzure) -> None:
    """As the kernel sees it: every listening socket of the port is on 127.0.0.1 or ::1."""
    port = f"{int(azure.url.rpartition(':')[2]):04X}"
    listening = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            address, _ignored, local_port = fields[1].rpartition(":")
            if fields[3] == "0A" and local_port == port:
                listening.add(address)
    assert "0100007F" in listening
    assert listening <= {"0100007F", "00000000000000000000000001000000"}


def test_start_twice_says_so(azure: LocalAzure) -> None:
    done = azure.command("start")
    assert done.returncode == 0
    assert "already running" in done.stdout
    assert azure.url in done.stdout


def test_port_that_is_taken_is_told(fresh: LocalAzure) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = fresh.command("start", "--port", str(port), check=False)
    assert done.returncode == 1
    assert f"cannot serve on port {port}" in done.stderr
    assert "in use" in done.stderr


def test_env_needs_a_server(fresh: LocalAzure) -> None:
    done = fresh.command("env", check=False)
    assert done.returncode == 1
    assert "azure-emulator start" in done.stderr


def test_env_names_what_clients_want(azure: LocalAzure) -> None:
    lines = azure.command("env").stdout.splitlines()
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lines)
    assert exports["AZURE_CLOUD_ENVIRONMENT"] == azure.url
    assert exports["AZURE_SECRET"] == exports["AZURE_CLIENT_SECRET"] == azure.secrets["contributor"]["secret"]
    assert exports["AZURE_TENANT"] == exports["AZURE_TENANT_ID"] == azure.secrets["tenant"]
    authority = (azure.data / "tls" / "ca.pem").read_text()
    with open(exports["REQUESTS_CA_BUNDLE"], encoding="utf-8") as bundle:
        assert authority.strip() in bundle.read()


def test_kill_loses_nothing(fresh: LocalAzure) -> None:
    """What was acknowledged is there afterwards, at the same address; a running operation goes on."""
    fresh.start()
    fresh.control("PUT", "/latency", {"name": "realistic", "seconds": {"resources.group.delete": 1.0}})
    for number in range(20):
        fresh.group(f"kept{number}")
    fresh.group("gone")
    answer = fresh.arm("DELETE", "/resourceGroups/gone")
    assert answer.status_code == 202
    before = fresh.url
    fresh.kill()
    fresh.start()
    assert fresh.url == before
    names = {group["name"] for group in fresh.arm("GET", "/resourceGroups").json()["value"]}
    assert {f"kept{number}" for number in range(20)} <= names
    assert fresh.follow(answer).status_code == 200
    assert fresh.arm("HEAD", "/resourceGroups/gone").status_code == 404
    assert len(fresh.logged(writes=True)) == 22


def test_reset_keeps_credentials(clean: LocalAzure) -> None:
    clean.group("one")
    clean.command("reset")
    assert clean.arm("GET", "/resourceGroups").json()["value"] == []
    assert [entry["path"] for entry in clean.logged()] == [f"{clean.subscription}/resourceGroups"]


def test_request_log_tells_writes_from_reads(clean: LocalAzure) -> None:
    clean.group("one")
    clean.arm("GET", "/resourceGroups/one?api-version=2021-04-01&sig=secret&x=1", x_ms_client_request_id="mine")
    clean.arm("POST", "/providers/Microsoft.Storage/checkNameAvailability", {"name": "abc"})
    assert [(e["method"], e["status"]) for e in clean.logged(writes=True)] == [("PUT", 201)]
    read = next(entry for entry in clean.logged() if "sig" in entry["query"])
    assert read["query"] == "api-version=2021-04-01&sig=REDACTED&x=1"
    assert read["client_request_id"] == "mine"
    shown = clean.command("requests", "--writes").stdout
    assert shown.count("\n") == 1
    assert "/resourceGroups/one" in shown


def test_control_needs_its_token(azure: LocalAzure) -> None:
    assert azure.http.get("/_control/status").status_code == 401
    assert azure.control("GET", "/status").json()["url"] == azure.url
    assert azure.control("GET", "/nothing").status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/latency", {"name": "slow"}),
        ("/latency", {"factor": "many"}),
        ("/latency", {"polls": -1}),
        ("/faults", {"rules": [{"fault": {"status": 200}}]}),
        ("/faults", {"rules": [{"path": "("}]}),
        ("/faults", {"rules": 5}),
    ],
)
def test_wrong_settings_are_refused(azure: LocalAzure, path: str, body: object) -> None:
    answer = azure.control("PUT", path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_guest_event_for_nobody(azure: LocalAzure) -> None:
    answer = azure.control("POST", "/guest", {"vm": "/subscriptions/x/resourceGroups/y", "event": "shutdown"})
    assert answer.status_code == 404
    assert azure.control("POST", "/guest", {}).status_code == 400


def test_clock_moves_operations(clean: LocalAzure) -> None:
    """Without waiting: an hour passes when the test says so."""
    clean.control("PUT", "/latency", {"name": "realistic", "factor": 100})
    clean.group("slow")
    answer = clean.arm("DELETE", "/resourceGroups/slow")
    assert clean.arm("GET", answer.headers["location"]).status_code == 202
    assert clean.control("POST", "/clock", {"advance": 6000}).status_code == 200
    assert clean.arm("GET", answer.headers["location"]).status_code == 200
    clean.control("POST", "/clock", {"freeze": None})
    assert clean.control("GET", "/status").json()["clock"] == clean.control("GET", "/status").json()["clock"]


def test_polls_profile_counts_polls(clean: LocalAzure) -> None:
    clean.control("PUT", "/latency", {"name": "instant", "polls": 3})
    clean.group("counted")
    location = clean.arm("DELETE", "/resourceGroups/counted").headers["location"]
    assert [clean.arm("GET", location).status_code for _ignored in range(5)] == [202, 202, 202, 200, 200]


def test_planned_faults(clean: LocalAzure) -> None:
    rules = [
        {"method": "GET", "path": "resourcegroups$", "times": 1, "fault": {"status": 429, "retry_after": 7}},
        {"method": "GET", "path": "locations$", "nth": 2, "fault": {"reset": True}},
        {"method": "GET", "path": "providers$", "times": 1, "fault": {"delay": 0.2}},
    ]
    assert clean.control("PUT", "/faults", {"rules": rules}).status_code == 200
    refused = clean.arm("GET", "/resourceGroups")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert clean.arm("GET", "/resourceGroups").status_code == 200
    assert clean.arm("GET", "/locations").status_code == 200
    with pytest.raises(Exception, match=r"disconnected|closed|EOF|reset|Connection"):
        clean.arm("GET", "/locations")
    assert clean.arm("GET", "/locations").status_code == 200
    begun = time.monotonic()
    assert clean.arm("GET", "/providers").status_code == 200
    assert time.monotonic() - begun >= 0.2
