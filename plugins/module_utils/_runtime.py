# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One task, from its parameters to its result; the same inside the controller and as an ordinary module."""

from __future__ import annotations

import contextlib
import signal
import threading
import traceback
from contextvars import ContextVar
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import GoldenImageError, Interrupted
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan, merge_tags
from ansible_collections.goldenimage.azure.plugins.module_utils._progress import Progress, Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import FrameType

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._progress import Unit

TAGS_ARGUMENTS: dict[str, Any] = {"tags": {"type": "dict"}, "append_tags": {"type": "bool", "default": True}}
WAIT_ARGUMENTS: dict[str, Any] = {"wait_timeout": {"type": "int", "default": 3600}}


@dataclass(frozen=True)
class Context:
    """What the controller lends a task that runs inside it; an ordinary module has nothing of it.

    :param display: prints one line for the person who runs the playbook; ``None`` under ``no_log``.
    :param terminal: that person watches a terminal.
    :param token_cache: file for the tokens of this run, in a folder only its user can read.
    """

    display: Callable[[str], None] | None = None
    terminal: bool = False
    token_cache: Path | None = None


CONTEXT: ContextVar[Context | None] = ContextVar("CONTEXT", default=None)


class Undo:
    """Something begun that has to be taken back; made by :meth:`Task.undo`.

    As a context manager it is taken back at the end of the block.
    """

    def __init__(self, description: str, function: Callable[[], object]) -> None:
        self.description = description
        self.pending = True
        self._function = function

    def dismiss(self) -> None:
        """It may stay."""
        self.pending = False

    def run(self) -> None:
        """Take it back now. It stays registered if that fails."""
        if self.pending:
            self._function()
            self.pending = False

    def __enter__(self) -> Undo:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.run()


class Task:
    """What a module's ``execute`` gets.

    :ivar params: validated parameters.
    :ivar check_mode: only read.
    :ivar name: the module's short name, which begins its progress lines.
    """

    def __init__(self, module: AnsibleModule, context: Context | None) -> None:
        self.params: dict[str, Any] = module.params
        self.check_mode: bool = module.check_mode
        self.name: str = str(module._name).rpartition(".")[2]
        self._module = module
        context = context or Context()
        self._reporter = Reporter(context.display, terminal=context.terminal)
        self._token_cache = context.token_cache
        self._session: Session | None = None
        self._undos: list[Undo] = []

    @property
    def azure(self) -> Session:
        """The Azure session of this task, opened on first use and closed at the task's end."""
        if self._session is None:
            from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session

            self._session = Session.open(self.params, report=self.report, token_cache=self._token_cache)
        return self._session

    def acting(self, params: dict[str, Any]) -> Task:
        """This task with the parameters of another module, whose work is a part of this one's.

        Session, undo list, progress and check mode are the same.
        """
        self.azure  # noqa: B018 - opened here, so that both have it and it is closed
        part = copy(self)
        part.params = params
        return part

    def tags(self, found: Mapping[str, str] | None) -> dict[str, str] | None:
        """All tags the resource shall have, by ``tags`` and ``append_tags``; ``None`` when none were stated."""
        return merge_tags(found, self.params["tags"], append=self.params["append_tags"])

    def progress(self, label: str | None, total: float | None, unit: Unit = "bytes") -> Progress:
        """Begin a measured piece of work; call ``update(done)`` on the result as often as you like.

        :param label: ``None``: the module's name alone, otherwise shown after it.
        """
        return Progress(self._reporter, f"{self.name}: {label}" if label else self.name, total, unit)

    def report(self, text: str) -> None:
        """Say what is being waited for; call it as often as you like."""
        self._reporter.say(f"{self.name}: {text}")

    def warn(self, text: str) -> None:
        self._module.warn(text)

    def undo(self, description: str, function: Callable[[], object]) -> Undo:
        """Register how to take something back *before* it is begun, so that a cancel in between is covered.

        What is still registered when the task ends, well or badly, is taken back in reverse order.

        :param description: names the thing, for the message when taking it back fails: ``the SAS of disk d``.
        :param function: may find nothing to do, and may be called again after it was interrupted.
        """
        undo = Undo(description, function)
        self._undos.append(undo)
        return undo

    def result(self, plan: Plan, **values: Any) -> dict[str, Any]:
        """The module's result: the values, ``changed``, and the diff when there is a difference."""
        return {**values, "changed": plan.changed, **({"diff": plan.diff} if plan.changed else {})}

    def clean_up(self) -> list[str]:
        """Take back what is registered, then close the session.

        :returns: what could not be taken back, with the reason.
        """
        left = []
        while self._undos:
            undo = self._undos.pop()
            try:
                undo.run()
            except Exception as error:  # whatever went wrong with one must not keep the others
                left.append(f"{undo.description} ({_describe(error)})")
        if self._session is not None:
            with contextlib.suppress(Exception):  # connections only; the task's result matters more
                self._session.close()
        return left


def run_module(
    execute: Callable[[Task], dict[str, Any]],
    *,
    argument_spec: Mapping[str, Any],
    azure: bool = False,
    tags: bool = False,
    wait: bool = False,
    supports_check_mode: bool = True,
    **ansible_module_arguments: Any,
) -> None:
    """Run a module: the only place where an exception becomes a failed task.

    :param azure: add the credentials' parameters.
    :param tags: add ``tags`` and ``append_tags``.
    :param wait: add ``wait_timeout``, the limit of every operation of the session.
    :param ansible_module_arguments: ``required_if``, ``mutually_exclusive`` … of AnsibleModule.
    """
    module = AnsibleModule(
        argument_spec=_argument_spec(argument_spec, azure=azure, tags=tags, wait=wait),
        supports_check_mode=supports_check_mode,
        **ansible_module_arguments,
    )
    context = CONTEXT.get()
    task = Task(module, context)
    result: dict[str, Any] = {}
    failure: BaseException | None = None
    with _Signals() as signals:
        try:
            result = execute(task)
        except (Exception, Interrupted) as error:  # reported below, after cleaning up
            failure = error
        except BaseException:  # a task's timeout, an exit: not ours to report
            signals.hold()
            for text in task.clean_up():
                module.warn(f"Could not be undone: {text}")
            raise
        signals.hold()
        left = task.clean_up()
    if isinstance(failure, Interrupted) and context is not None:
        failure.left = left
        raise failure
    _finish(module, result, failure, left)


def _argument_spec(own: Mapping[str, Any], *, azure: bool, tags: bool, wait: bool) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if azure:
        from ansible_collections.goldenimage.azure.plugins.module_utils._azure.credentials import ARGUMENT_SPEC

        spec.update(ARGUMENT_SPEC)
    if tags:
        spec.update(TAGS_ARGUMENTS)
    if wait:
        spec.update(WAIT_ARGUMENTS)
    return {**spec, **own}


def _finish(module: AnsibleModule, result: dict[str, Any], failure: BaseException | None, left: list[str]) -> None:
    for text in left:
        module.warn(f"Could not be undone: {text}")
    if failure is None and not left:
        module.exit_json(**result)
    facts: dict[str, Any] = {"not_undone": left} if left else {}
    remainder = f" Could not be undone: {'; '.join(left)}." if left else ""
    if failure is None:
        facts = {**result, **facts}
        message = "The work was done, but something temporary is left."
    elif isinstance(failure, GoldenImageError):
        facts["error"] = {"message": failure.message, "remedy": failure.remedy, **failure.details}
        message = str(failure)
    elif isinstance(failure, Interrupted):
        message = str(failure)
    else:
        facts["exception"] = "".join(traceback.format_exception(failure))
        message = f"Unexpected {_describe(failure)}. Run with -vvv for the traceback."
    module.fail_json(msg=message + remainder, **facts)


def _describe(error: BaseException) -> str:
    if isinstance(error, GoldenImageError):
        return str(error)
    text = str(error).strip().rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Signals:
    """For the duration of a task, SIGINT and SIGTERM raise Interrupted once.

    ansible-core's own handlers in a worker end the process at once, without ``finally``. A second signal, or a task's
    timeout, must not stop the cleaning up.
    """

    CANCEL = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._held = False

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():  # only there can handlers be set
            for number in self.CANCEL:
                self._before[number] = signal.signal(number, self._on_signal)
        return self

    def hold(self) -> None:
        """Ignore further signals. A handler rather than SIG_IGN, which programs started now would inherit."""
        self._held = True
        if self._before:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_signal)

    def __exit__(self, *_exception: object) -> None:
        self._held = True
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._held:
            self._held = True
            raise Interrupted(number)
