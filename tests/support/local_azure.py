# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running local Azure, as tests start it and talk to its control API."""

from __future__ import annotations

import json
import shlex
import ssl
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


@contextmanager
def running(data: Path) -> Iterator[LocalAzure]:
    """A local Azure in ``data`` for the length of a block, in which nothing of it may have broken.

    What breaks inside is answered as Azure answers it and told in the server's log only, so that is looked at here.
    """
    stopped = LocalAzure(data, {})
    stopped.command("start")
    try:
        yield LocalAzure(data, exports(stopped.command("env")))
    finally:
        stopped.command("stop")
    log = (data / "server.log").read_text()
    assert "Traceback" not in log, log[-4000:]
