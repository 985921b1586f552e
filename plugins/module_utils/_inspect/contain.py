# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The caller's side: run the child that parses the disk, answer its reads, and end it when it takes too much.

A disk is written by somebody else, so what it says may be meant to harm whoever reads it. The child is not given the
disk file, cannot write files, and has limits of processor time, memory and wall time. What it found before it failed is
kept.
"""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import MissingDependency
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect import child, wire
from ansible_collections.goldenimage.azure.plugins.module_utils._inspect.checks import undecided
from ansible_collections.goldenimage.azure.plugins.module_utils._text import printable

if TYPE_CHECKING:
    from ansible_collections.goldenimage.azure.plugins.module_utils._vhd.sources import Source

_ROOT = str(Path(child.__file__).parents[6])  # what ansible_collections lies in: a folder or the module's archive
_START = f"import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {child.__name__} import main; main()"


def inspect(
    source: Source,
    *,
    specialized: bool = False,
    timeout: float = 60,
    memory: int = 1 << 30,
    today: str | None = None,
) -> dict[str, Any]:
    """Return what is on a disk; see the module ``vhd_inspect`` for its shape.

    :param specialized: the disk shall keep its identity, so nothing is asked about generalization.
    :param timeout: seconds, by the clock and of processor time.
    :param memory: bytes of address space.
    :param today: ISO date for questions of support; today by default.
    :raises MissingDependency: no reader is installed.
    """
    job = {
        "size": source.size,
        "specialized": specialized,
        "cpu": math.ceil(timeout),
        "memory": memory,
        "today": today or datetime.now(UTC).date().isoformat(),
    }
    with tempfile.TemporaryFile() as errors:
        command = [sys.executable, "-I", "-B", "-c", _START, json.dumps([_ROOT, *sys.path])]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd="/", env={"LC_ALL": "C.UTF-8"}
        )
        clock = threading.Timer(timeout, process.kill)
        clock.daemon = True
        clock.start()
        try:
            found = _serve(process, source, json.dumps(job).encode())
        finally:
            expired = clock.finished.is_set()
            clock.cancel()
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                _close(pipe)
        if found.pop("missing_reader", None):
            raise MissingDependency(
                "The readers of file systems (dissect) are not installed.",
                remedy=f"Install them for {sys.executable}: pip install {' '.join(child.PACKAGES)}.",
            )
        if not found.pop("ended", False):
            found.setdefault("problems", []).append(_why(process.returncode, errors, timeout if expired else None))
            found.update(undecided(found))
    return found


def _serve(process: subprocess.Popen[bytes], source: Source, job: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if process.stdin is None or process.stdout is None:
        return found
    try:
        wire.send_block(process.stdin, job)
        while True:
            kind, offset, length = wire.HEAD.unpack(wire.exactly(process.stdout, wire.HEAD.size))
            if kind == wire.FOUND and length <= wire.MAX_JSON:
                found.update(json.loads(wire.exactly(process.stdout, length)))
                if found.get("ended") or found.get("missing_reader"):
                    return found
            elif kind == wire.READ and length <= wire.MAX_READ:
                wire.send_block(process.stdin, source.read(offset, length))
            else:
                return found
    except (EOFError, BrokenPipeError, json.JSONDecodeError):
        return found


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is not None:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()


def _why(code: int, errors: IO[bytes], timeout: float | None) -> str:
    if timeout is not None:
        return f"Reading the disk took more than {timeout:g} seconds and was stopped."
    errors.seek(0)
    words = errors.read(1 << 16).decode(errors="replace").strip().splitlines()
    return f"The reader ended early (code {code}): {printable(words[-1]) if words else 'without a message'}"
