# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, in the words of the person who runs the playbook.

Only the runtime turns these into a failed task; everything below it raises.
"""

from __future__ import annotations

import signal
from typing import Any


class GoldenImageError(Exception):
    """A failure that is understood.

    :param message: what was attempted and what was found, one or two sentences.
    :param remedy: what the user can do next; shown after the message.
    :param details: further results of the failed task (JSON values, never secrets).
    """

    def __init__(self, message: str, *, remedy: str | None = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


class InvalidInput(GoldenImageError):  # noqa: N818  # reads as what happened
    """A parameter or a file is not what it must be; nothing has been changed."""


class MissingDependency(GoldenImageError):  # noqa: N818
    """A Python package or a program that this task needs is not installed."""


class Interrupted(BaseException):
    """The task was cancelled by a signal (SIGINT, SIGTERM).

    Not an ``Exception``, for the reason KeyboardInterrupt is none: whoever handles failures must not swallow it.
    ``finally``, ``with`` and :meth:`Task.undo` are the places that clean up.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
        self.left: list[str] = []  # what could not be undone

    def __str__(self) -> str:
        return f"Cancelled by {signal.Signals(self.signum).name}."
