# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an Azure module inside the Ansible worker: no packing, no second interpreter, and it can speak.

Ansible loads action plugins in the parent process. This file imports the SDK for that reason, so that every worker
inherits it; everywhere else the SDK is imported where it is used.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.module_utils import basic
from ansible.module_utils.common import warnings as module_warnings
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as OrdinaryActionModule
from ansible.utils.display import Display
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import Interrupted
from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import CONTEXT, Context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SDK = ("azure.identity", "azure.mgmt.compute", "azure.mgmt.network", "azure.mgmt.storage", "azure.storage.blob")
try:
    for name in SDK:
        importlib.import_module(name)
except ImportError:
    HAS_SDK = False
else:
    HAS_SDK = True

try:  # ansible-core 2.19 and later
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError:
    get_module_encoder = None

try:  # up to ansible-core 2.20
    from ansible.vars.clean import remove_internal_keys
except ImportError:
    remove_internal_keys = None

# Asked in the parent: a worker's output never is a terminal. ansible-runner, and with it AWX, gives Ansible a terminal
# that nobody watches and keeps every line as an event; it is known by the variable that tells where they go.
TERMINAL = sys.stdout.isatty() and "AWX_ISOLATED_DATA_DIR" not in os.environ
PROFILE = "legacy"  # the serialization of parameters and results that modules have unless they name another
VARIABLE = "goldenimage_run_in_controller"  # false: run as an ordinary module, to compare or to debug
_PR_SET_PDEATHSIG = 1

display = Display()


class ActionModule(OrdinaryActionModule):
    """Ansible's own action for modules, but for how the module is executed."""

    def _execute_module(self, *args: Any, task_vars: dict[str, Any] | None = None, **kwargs: Any) -> dict[str, Any]:
        with _parent_death():
            return self._execute(task_vars or {}, *args, **kwargs)

    def _execute(self, task_vars: dict[str, Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
        local = self._connection.transport == "local"
        interpreter = self._interpreter(task_vars)
        if local and _is_this(interpreter) and self._may_run_inside(task_vars):
            return self._execute_inside(task_vars)
        if local and interpreter is None:
            task_vars = self._with_interpreter(task_vars, sys.executable)
        result: dict[str, Any] = super()._execute_module(*args, task_vars=task_vars, **kwargs)
        return result

    def _may_run_inside(self, task_vars: Mapping[str, Any]) -> bool:
        if not HAS_SDK or self._task.async_val or self._connection.become:
            return False
        return boolean(self._templar.template(self._target_vars(task_vars).get(VARIABLE, True)))

    def _interpreter(self, task_vars: Mapping[str, Any]) -> str | None:
        """The interpreter somebody asked for; ``None`` if Ansible is to find one."""
        variables = self._target_vars(task_vars)
        found = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
        interpreter = str(self._templar.template(found))
        return None if interpreter.startswith("auto") else interpreter

    def _target_vars(self, task_vars: Mapping[str, Any]) -> Mapping[str, Any]:
        if not self._task.delegate_to:
            return task_vars
        delegated: Mapping[str, Any] = task_vars["ansible_delegated_vars"][self._task.delegate_to]
        return delegated

    def _with_interpreter(self, task_vars: Mapping[str, Any], path: str) -> dict[str, Any]:
        target = {**self._target_vars(task_vars), "ansible_python_interpreter": path}
        if not self._task.delegate_to:
            return target
        delegated = {**task_vars["ansible_delegated_vars"], self._task.delegate_to: target}
        return {**task_vars, "ansible_delegated_vars": delegated}

    def _execute_inside(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        arguments = dict(self._task.args)
        self._update_module_args(self._task.action, arguments, task_vars)
        environment: dict[str, Any] = {}
        self._compute_environment_string(environment)
        context = Context(
            display=None if self._task.no_log else display.display,
            terminal=TERMINAL,
            token_cache=Path(constants.DEFAULT_LOCAL_TMP) / "goldenimage.azure.tokens",
        )
        try:
            with (
                contextlib.chdir(self._loader.get_basedir()),  # as every module on a local connection
                _environment(environment),
                _module_state(_encoded(arguments)),
                _lent(context),
            ):
                response = _call(_module(self._task.resolved_action or self._task.action))
        except Interrupted as interrupted:
            self._give_up(interrupted, context)
            raise
        return self._parsed(response)

    def _parsed(self, response: dict[str, Any]) -> dict[str, Any]:
        """The result as Ansible makes it of what any module prints."""
        profile = () if get_module_encoder is None else (PROFILE,)
        parsed = self._parse_returned_data(response, *profile)
        if remove_internal_keys is None:
            parsed.remove_internal_keys()
            parsed = parsed.as_result_dict(for_round_trip=True)
        else:
            remove_internal_keys(parsed)
        return dict(parsed)

    def _give_up(self, interrupted: Interrupted, context: Context) -> None:
        """End the worker as the signal would have, so that no further item of a loop and no retry is begun."""
        if context.token_cache:  # ended by SIGTERM the parent does not remove its temporary folder
            context.token_cache.unlink(missing_ok=True)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(5)  # nobody may be left to read what is said
        for text in interrupted.left:
            display.warning(f"Could not be undone: {text}")
        os.kill(os.getpid(), interrupted.signum)


def _is_this(interpreter: str | None) -> bool:
    """Is it the interpreter that runs Ansible? Another link in the same virtual environment is the same."""
    if interpreter is None:
        return True
    path = shutil.which(os.path.expanduser(interpreter)) or interpreter
    return _identity(path) == _identity(sys.executable)


def _identity(path: str) -> tuple[str, str]:
    return os.path.realpath(os.path.dirname(path)), os.path.realpath(path)


def _module(action: str) -> Any:
    """The Python module of a module's fully qualified name."""
    namespace, collection, name = action.split(".", 2)
    return importlib.import_module(f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}")


def _encoded(arguments: dict[str, Any]) -> bytes:
    """Parameters as Ansible hands them to any module: tagged and vaulted text becomes plain text."""
    values = {"ANSIBLE_MODULE_ARGS": arguments}
    if get_module_encoder is None:
        from ansible.module_utils.common.json import AnsibleJSONEncoder

        return json.dumps(values, cls=AnsibleJSONEncoder, vault_to_text=True).encode()
    return json.dumps(values, cls=get_module_encoder(PROFILE, Direction.CONTROLLER_TO_MODULE)).encode()


def _call(module: Any) -> dict[str, Any]:
    """Run ``main()`` as a program of its own: what it prints is its answer."""
    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            module.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return {"stdout": stdout.getvalue(), "stderr": stderr.getvalue(), "rc": code}


@contextlib.contextmanager
def _environment(variables: Mapping[str, Any]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in variables.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _module_state(arguments: bytes) -> Iterator[None]:
    """What AnsibleModule keeps in globals, because usually it has the process for itself; fresh for each run."""
    state = {"_ANSIBLE_ARGS": arguments, "_ANSIBLE_PROFILE": PROFILE}
    before = {name: getattr(basic, name, None) for name in state}
    module_warnings._global_warnings.clear()
    module_warnings._global_deprecations.clear()
    vars(basic).update(state)
    try:
        yield
    finally:
        vars(basic).update(before)


@contextlib.contextmanager
def _lent(context: Context) -> Iterator[None]:
    token = CONTEXT.set(context)
    try:
        yield
    finally:
        CONTEXT.reset(token)


@contextlib.contextmanager
def _parent_death() -> Iterator[None]:
    """Have Linux send SIGTERM to this worker when ansible-playbook is gone.

    Killed (as ansible-runner does to cancel), or before 2.19 ended by SIGTERM, it tells its workers nothing.
    """
    if sys.platform != "linux":
        yield
        return
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        yield
    finally:
        prctl(_PR_SET_PDEATHSIG, 0)
