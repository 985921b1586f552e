# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local Azure in a process of its own, and short ways to talk to it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

_SOURCES = Path(__file__).parents[1] / "src"


class LocalAzure:
    """An emulator process and an authenticated client; `group` is the resource group that short paths mean."""

    group = "rg"

    def __init__(self, data: Path) -> None:
        self.data = data
        self.start()
        credentials = json.loads((data / "credentials.json").read_text())
        self.subscription: str = credentials["subscription"]
        self.tenant: str = credentials["tenant"]
        self.contributor: dict[str, str] = credentials["contributor"]
        self._control_token: str = credentials["control_token"]

    def start(self) -> None:
        """Start the process, or start it again."""
        self._command("start")
        self.url: str = json.loads((self.data / "server.json").read_text())["url"]
        self.trust = ssl.create_default_context(cafile=str(self.data / "tls" / "ca.pem"))
        self.client = httpx.Client(base_url=self.url, verify=self.trust, timeout=60)

    def stop(self) -> None:
        """End it; what broke inside was answered as by Azure and stands in its log only, so that is looked at here."""
        self.client.close()
        self._command("stop")
        log = (self.data / "server.log").read_text()
        assert "Traceback" not in log, log[-4000:]

    def kill(self) -> None:
        """`kill -9`, then start again: addresses and tokens stay good."""
        pid, token = self.pid, self.client.headers["Authorization"]
        os.kill(pid, signal.SIGKILL)
        limit = time.monotonic() + 10
        while _is_alive(pid):
            assert time.monotonic() < limit, "the killed process does not die"
            time.sleep(0.01)
        self.client.close()
        self.start()
        self.client.headers["Authorization"] = token

    @property
    def pid(self) -> int:
        return int(json.loads((self.data / "server.json").read_text())["pid"])

    def _command(self, verb: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(_SOURCES)}
        command = [sys.executable, "-m", "azure_emulator", verb, "--data", str(self.data)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def sign_in(self) -> None:
        """Get a token for the client."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.contributor["client_id"],
            "client_secret": self.contributor["secret"],
            "scope": f"{self.url}/.default",
        }
        answer = self.client.post(f"/{self.tenant}/oauth2/v2.0/token", data=form)
        self.client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def control(self, path: str, method: str = "POST", **body: Any) -> Any:
        """Call the control API."""
        headers = {"Authorization": f"Bearer {self._control_token}"}
        return self.client.request(method, f"/_control/{path}", json=body, headers=headers).raise_for_status().json()

    def reset(self) -> None:
        """Forget everything and make the resource group anew."""
        self.control("reset")
        self.make_group(self.group)

    def make_group(self, name: str, location: str = "westeurope") -> None:
        path = f"/subscriptions/{self.subscription}/resourcegroups/{name}"
        self.client.put(path, params={"api-version": "2021-04-01"}, json={"location": location}).raise_for_status()

    def path(self, short: str) -> str:
        """``disks/d`` is the disk in the group, ``network:networkInterfaces/n`` the interface; whole paths stay."""
        if short.startswith(("/", "https:")):
            return short
        provider, _rest, rest = short.partition(":") if ":" in short else ("Compute", "", short)
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/Microsoft.{provider.capitalize()}/{rest}"
        )

    def call(
        self, method: str, short: str, body: Any = None, version: str = "2024-07-01", **query: str
    ) -> httpx.Response:
        """One request, as it is."""
        params = {"api-version": version, **query}
        return self.client.request(method, self.path(short), params=params, json=body)

    def get(self, short: str, version: str = "2024-07-01", **query: str) -> dict[str, Any]:
        answer = self.call("GET", short, version=version, **query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def done(self, answer: httpx.Response) -> dict[str, Any]:
        """Follow the operation of an accepted request; its last status body."""
        assert answer.status_code in (200, 201, 202), answer.text
        url = answer.headers["azure-asyncoperation"]
        end = time.monotonic() + 30
        while True:
            status: dict[str, Any] = self.client.get(url).raise_for_status().json()
            if status["status"] != "InProgress":
                return status
            assert time.monotonic() < end, status
            time.sleep(0.02)

    def put(self, short: str, body: Any, version: str = "2024-07-01") -> dict[str, Any]:
        """Create or update, wait, and return the resource."""
        status = self.done(self.call("PUT", short, body, version))
        assert status["status"] == "Succeeded", status
        return self.get(short, version)

    def post(self, short: str, body: Any = None, version: str = "2024-07-01", **query: str) -> Any:
        """Do something, wait, and return the operation's output."""
        status = self.done(self.call("POST", short, body, version, **query))
        assert status["status"] == "Succeeded", status
        return status.get("properties", {}).get("output")

    def refused(self, method: str, short: str, body: Any = None, version: str = "2024-07-01") -> tuple[int, str, str]:
        """Status, code and text of a refusal, at once or by the operation."""
        answer = self.call(method, short, body, version)
        if answer.status_code < 400:
            status = self.done(answer)
            assert status["status"] == "Failed", status
            return 200, status["error"]["code"], status["error"]["message"]
        error = answer.json()["error"]
        return answer.status_code, error["code"], error["message"]


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
