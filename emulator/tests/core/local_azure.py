# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local Azure for a test: start it, kill it, talk to it as any HTTP client would."""

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

API = "2021-04-01"
_SOURCES = Path(__file__).resolve().parents[2] / "src"


class LocalAzure:
    """One data folder and its server. ``http`` knows the certificate authority and sends a contributor's token."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.url = ""
        self.secrets: dict[str, Any] = {}
        self.http = httpx.Client()

    # --- the process ---------------------------------------------------------------------------------------------------
    def command(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``azure-emulator`` with this folder."""
        command = [sys.executable, "-m", "azure_emulator", arguments[0], "--data", str(self.data), *arguments[1:]]
        environment = {**os.environ, "PYTHONPATH": str(_SOURCES)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, check=False)
        if check and done.returncode:
            raise AssertionError(f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def start(self, *arguments: str) -> None:
        self.url = self.command("start", *arguments).stdout.split()[-1]
        if self.url.endswith(")"):
            raise AssertionError("a server was running already")
        self.secrets = json.loads((self.data / "credentials.json").read_text())
        self.http.close()
        self.http = httpx.Client(
            verify=ssl.create_default_context(cafile=self.data / "tls" / "ca.pem"),
            base_url=self.url,
            timeout=30,
            trust_env=False,
        )
        self.http.headers["Authorization"] = f"Bearer {self.token()}"

    def stop(self) -> None:
        self.http.close()
        self.command("stop")

    def kill(self) -> None:
        """``kill -9``, and wait until it is dead."""
        pid = int((self.data / "server.lock").read_text())
        os.kill(pid, signal.SIGKILL)
        limit = time.monotonic() + 10
        while Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
            assert time.monotonic() < limit, "the killed server does not die"
            time.sleep(0.01)

    # --- tokens --------------------------------------------------------------------------------------------------------
    def login(self, role: str = "contributor", scope: str = "https://management.azure.com/.default") -> dict[str, str]:
        """The form that a service principal gets its token with."""
        account = self.secrets[role]
        return {
            "grant_type": "client_credentials",
            "client_id": account["client_id"],
            "client_secret": account["secret"],
            "scope": scope,
        }

    def token(self, role: str = "contributor", scope: str = "https://management.azure.com/.default") -> str:
        answer = self.http.post(f"/{self.secrets['tenant']}/oauth2/v2.0/token", data=self.login(role, scope))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    # --- ARM -----------------------------------------------------------------------------------------------------------
    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.secrets['subscription']}"

    def arm(self, method: str, path: str, body: Any = None, *, api: str = API, **headers: str) -> httpx.Response:
        """A call below the subscription (or with a whole URL)."""
        url = path if path.startswith("https:") else f"{self.subscription}{path}"
        query = {} if "api-version=" in url else {"api-version": api}
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, url, json=body, params=query or None, headers=names)

    def group(self, name: str, location: str = "eastus") -> str:
        """Make a resource group; its path below the subscription."""
        answer = self.arm("PUT", f"/resourceGroups/{name}", {"location": location})
        assert answer.status_code in (200, 201), answer.text
        return f"/resourceGroups/{name}"

    def follow(self, answer: httpx.Response, seconds: float = 20) -> httpx.Response:
        """Poll an operation to its end as its headers say; the last answer."""
        limit = time.monotonic() + seconds
        url = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
        assert url, f"no operation: {answer.status_code} {answer.text}"
        while True:
            poll = self.arm("GET", url)
            url = poll.headers.get("location", url)
            running = poll.status_code == 202 or (
                poll.status_code == 200 and poll.content and poll.json().get("status") == "InProgress"
            )
            if not running:
                return poll
            assert time.monotonic() < limit, "the operation does not end"
            time.sleep(0.02)

    def done(self, answer: httpx.Response) -> httpx.Response:
        """Follow an operation that must succeed."""
        end = self.follow(answer)
        assert end.status_code in (200, 204), end.text
        if end.content and "status" in end.json():
            assert end.json()["status"] == "Succeeded", end.text
        return end

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.secrets['control_token']}"}
        return self.http.request(method, f"/_control{path}", json=body, headers=headers)

    def logged(self, *, writes: bool = False) -> list[dict[str, Any]]:
        answer = self.control("GET", f"/requests?writes={str(writes).lower()}")
        return list(answer.json()["value"])


def code(answer: httpx.Response) -> str:
    """The error code of a refusal."""
    return str(answer.json()["error"]["code"])
