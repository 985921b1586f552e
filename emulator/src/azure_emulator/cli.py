# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command ``azure-emulator``."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from azure_emulator import cli_settings, daemon
from azure_emulator.core import credentials as credentials_of
from azure_emulator.core import requestlog
from azure_emulator.core.certificates import Certificates
from azure_emulator.holding import AlreadyRunningError

if TYPE_CHECKING:
    from collections.abc import Sequence


_LOCAL = ("localhost", "127.0.0.1", "::1")


class CommandError(Exception):
    """Ends the command with a message and exit code 1."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.call(options)
    except CommandError as problem:
        sys.stderr.write(f"azure-emulator: {problem}\n")
        return 1
    return 0


def _start(options: argparse.Namespace) -> None:
    found = daemon.running(options.data)
    if found:
        _say(f"already running: {found[1]} (process {found[0]})")
        return
    try:
        _say(daemon.start(options.data, options.port))
    except daemon.StartError as error:
        raise CommandError(f"the server did not start:\n{error}") from None


def _run(options: argparse.Namespace) -> None:
    # Only this command needs all of it.
    from azure_emulator.server import serve

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")

    def ready(url: str) -> None:
        if options.ready_fd is None:
            _say(url)
        else:
            os.write(options.ready_fd, f"{url}\n".encode())
            os.close(options.ready_fd)

    try:
        serve(options.data, options.port, ready)
    except AlreadyRunningError:
        raise CommandError(f"another process serves {options.data}") from None
    except OSError as error:
        raise CommandError(f"cannot serve on port {options.port}: {error}") from None


def _status(options: argparse.Namespace) -> None:
    url = _url(options)
    _say(json.dumps(_control(options, url, "GET", "/status"), indent=2))


def _stop(options: argparse.Namespace) -> None:
    try:
        _say("stopped" if daemon.stop(options.data) else "not running")
    except TimeoutError as error:
        raise CommandError(str(error)) from None


def _reset(options: argparse.Namespace) -> None:
    _control(options, _url(options), "POST", "/reset")
    _say("reset")


def _env(options: argparse.Namespace) -> None:
    url = _url(options)
    secrets = credentials_of.load(options.data)
    bundle = str(Certificates(options.data).bundle)
    account = secrets.contributor
    values = {
        "AZURE_CLOUD_ENVIRONMENT": url,
        "AZURE_AUTHORITY_HOST": url,
        "AZURE_SUBSCRIPTION_ID": secrets.subscription,
        "AZURE_TENANT": secrets.tenant,
        "AZURE_TENANT_ID": secrets.tenant,
        "AZURE_CLIENT_ID": account.client_id,
        "AZURE_SECRET": account.secret,
        "AZURE_CLIENT_SECRET": account.secret,
        "REQUESTS_CA_BUNDLE": bundle,
        "SSL_CERT_FILE": bundle,
        "CURL_CA_BUNDLE": bundle,
        "AZURE_CORE_INSTANCE_DISCOVERY": "false",
    }
    if any(name.lower() == "https_proxy" for name in os.environ):
        # A proxy cannot reach our loopback interface.
        values["NO_PROXY"] = values["no_proxy"] = ",".join(filter(None, (os.environ.get("NO_PROXY"), *_LOCAL)))
    for name, value in values.items():
        _say(f"export {name}={shlex.quote(value)}")


def _requests(options: argparse.Namespace) -> None:
    for entry in requestlog.read(options.data, writes=options.writes):
        if options.json:
            _say(json.dumps(entry))
        else:
            query = f"?{entry['query'][:120]}" if entry["query"] else ""
            mark = "W" if entry["write"] else " "
            _say(
                f"{entry['n']:6} {mark} {entry['status']} {entry['seconds'] * 1000:8.1f} ms {entry['method']:6} {entry['path']}{query}"
            )


def _install_azurite(_options: argparse.Namespace) -> None:
    from azure_emulator.services.storage import blob_server

    try:
        _say(str(blob_server.install()))
    except blob_server.BlobServerError as missing:
        raise CommandError(str(missing)) from None


def _url(options: argparse.Namespace) -> str:
    found = daemon.running(options.data)
    if found is None:
        raise CommandError(
            f"no server is running for {options.data}; start one with: azure-emulator start --data {options.data}"
        )
    return found[1]


def _control(options: argparse.Namespace, url: str, method: str, path: str, body: object = None) -> object:
    secrets = credentials_of.load(options.data)
    headers = {"Authorization": f"Bearer {secrets.control_token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/_control{path}", data, headers, method=method)  # noqa: S310 - our own https URL
    context = ssl.create_default_context(cafile=str(Certificates(options.data).authority))
    try:
        with urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        ).open(request, timeout=600) as answer:
            value: object = json.load(answer)
            return value
    except urllib.error.HTTPError as refused:
        raise CommandError(_refusal(refused)) from None
    except (OSError, ValueError) as error:
        raise CommandError(f"the server at {url} does not answer as it should: {error}") from None


def _refusal(refused: urllib.error.HTTPError) -> str:
    """What the control API says is wrong."""
    try:
        return str(json.load(refused)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the server refuses with status {refused.code}"


def _steer(options: argparse.Namespace) -> None:
    """Show or change a setting; the answer as JSON."""
    body = options.body_of(options)
    url = _url(options)
    method = "GET" if body is None else options.change
    value = _control(options, url, method, f"/{options.setting}", body)
    _say(json.dumps(value, indent=2))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _folder(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port number (0 to 65535)")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="azure-emulator", description="A local Azure, on the loopback interface only."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, call: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument(
            "--data", type=_folder, required=True, metavar="DIR", help="the folder that holds all state"
        )
        command.set_defaults(call=call)
        return command

    for name, call, text in (
        ("start", _start, "start in the background; returns when ready"),
        ("run", _run, "run in the foreground"),
    ):
        command = add(name, call, text)
        command.add_argument(
            "--port", type=_port, default=0, metavar="N", help="0 or absent: the last one used, else a free one"
        )
        if name == "run":
            command.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    add("status", _status, "show the running server")
    add("stop", _stop, "stop the server")
    add("reset", _reset, "forget all resources; credentials and address stay")
    add("env", _env, "print shell exports that point clients here")
    install = commands.add_parser("install-azurite", help="install the blob server behind storage accounts (npm ci)")
    install.set_defaults(call=_install_azurite)
    requests = add("requests", _requests, "show the request log")
    requests.add_argument("--writes", action="store_true", help="only requests that change something")
    requests.add_argument("--json", action="store_true", help="one JSON object a line")
    cli_settings.add_commands(add, _steer)
    return parser
