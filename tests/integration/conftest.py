# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration tests share: a local Azure for the worker, and a way to run playbooks against it."""

from __future__ import annotations

import json
import os
import shlex
import ssl
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class LocalAzure:
    """A running emulator: where its data lies, and the environment that points clients at it."""

    data: Path
    environment: dict[str, str] = field(repr=False)

    def command(self, *words: str) -> str:
        """Run ``azure-emulator WORDS --data …`` and return what it printed."""
        command = [str(BIN / "azure-emulator"), *words, "--data", str(self.data)]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the emulator's control API, below ``/_control``."""
        token = json.loads((self.data / "credentials.json").read_text())["control_token"]
        request = urllib.request.Request(
            f"{self.environment['AZURE_CLOUD_ENVIRONMENT']}/_control{path}",
            method=method,
            headers={"Authorization": f"Bearer {token}"},
            data=None if body is None else json.dumps(body).encode(),
        )
        context = ssl.create_default_context(cafile=self.environment["SSL_CERT_FILE"])
        handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        with urllib.request.build_opener(*handlers).open(request, timeout=60) as answer:
            return json.load(answer)

    def writes(self, after: int = 0) -> list[str]:
        """The requests that write, as ``METHOD path``, after the line ``after`` of the request log."""
        found = self.control("GET", f"/requests?writes=true&after={after}")["value"]
        return [f"{entry['method']} {entry['path']}" for entry in found]

    @property
    def log_end(self) -> int:
        """The number of the request log's last line, for :meth:`writes`."""
        return max((entry["n"] for entry in self.control("GET", "/requests")["value"]), default=0)


def exports(text: str) -> dict[str, str]:
    """Read the ``export NAME=value`` lines of ``azure-emulator env``."""
    words = [line.removeprefix("export ").partition("=") for line in text.splitlines() if line.startswith("export ")]
    return {name: "".join(shlex.split(value)) for name, _equals, value in words}


LONGEST = (
    "test_image_from_vm",
    "test_resilience",
    "[vm-ordinary",
    "[vhd_upload",
    "[vm_capture-ordinary",
    "[managed_image-o",
)
"""Parts of the names of tests that take a minute or more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that no worker waits for one that began last."""

    def rank(item: pytest.Item) -> int:
        return next((at for at, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    """One local Azure for all tests of this worker, stopped at the end."""
    data = tmp_path_factory.mktemp("azure")
    stopped = LocalAzure(data, {})
    stopped.command("start")
    try:
        yield LocalAzure(data, exports(stopped.command("env")))
    finally:
        stopped.command("stop")


@pytest.fixture(scope="session")
def public_key(tmp_path_factory: pytest.TempPathFactory) -> str:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No credentials of the person who runs the tests can leak in."""
    for name in list(os.environ):
        if name.startswith(("AZURE_", "ARM_")):
            monkeypatch.delenv(name)
