# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One conversation with Azure: SDK clients in, wire JSON out.

The SDK's releases disagree about models, so none is used: bodies are sent as wire-shaped JSON bytes, and answers are
read through azure-core's response hook, which works the same from azure-mgmt-compute 33 to 39.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import clouds, errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.credentials import find, resolve_cloud
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.login import Credential
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.operations import Reply, Request, Waiter
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.retries import (
    ONCE,
    READS,
    Done,
    Patient,
    persist,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.tokens import TokenCache
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from azure.mgmt.compute import ComputeManagementClient
    from azure.mgmt.network import NetworkManagementClient
    from azure.mgmt.storage import StorageManagementClient

Items = list[dict[str, Any]]
"""Resources as wire JSON."""

NOT_JUST_ABSENT = frozenset(
    {
        "invalidauthenticationtokentenant",
        "invalidresourcenamespace",
        "invalidresourcetype",
        "invalidsubscriptionid",
        "noregisteredproviderfound",
        "subscriptionnotfound",
    }
)
"""Codes that come with HTTP 404 (or 400) but do not say that the resource is absent."""

T = TypeVar("T")
Sent = list[Request]
"""The requests of one call, as they go out."""

RESOURCES_API = "2021-04-01"
SUBSCRIPTIONS_API = "2022-12-01"


class Session:
    """What a module talks to Azure with.

    :ivar cloud: which Azure.
    :ivar credential: for other SDK clients (blobs); its tokens come from the run's cache.
    :ivar ca: the certificate authorities to trust, for connections of one's own; ``None`` for certifi's.
    :ivar pace: the time limit of every operation, and who is told of waiting.
    """

    def __init__(
        self,
        cloud: clouds.Cloud,
        credential: Credential,
        *,
        ca: str | None,
        transport: Any,
        pace: Pace | None = None,
    ) -> None:
        self.cloud = cloud
        self.credential = credential
        self.ca = ca
        self.pace = pace or Pace()
        self._transport = transport

    @classmethod
    def open(
        cls,
        params: Mapping[str, Any],
        *,
        report: Callable[[str], None] | None = None,
        token_cache: Path | None = None,
        pace: Pace | None = None,
    ) -> Session:
        """Find the credentials and the cloud; nothing is asked for a token yet.

        :param params: the module's parameters (:data:`credentials.ARGUMENT_SPEC`).
        :param report: told what is waited for, as often as it happens.
        :param token_cache: file for the tokens of this run.
        :param pace: where time comes from.
        :raises CredentialError: no complete credentials; says what was tried.
        :raises InvalidInput: the cloud's name or address is wrong.
        """
        identity = find(params)
        ca = clouds.trusted_ca()
        pace = pace or Pace()
        pace = replace(pace, report=report, timeout=params.get("wait_timeout") or pace.timeout)
        transport = clouds.connections(ca, pace)
        cloud = resolve_cloud(params, identity, ca=ca, transport=transport, pace=pace)
        cache = TokenCache(token_cache) if token_cache else None
        credential = Credential(identity, cloud, transport=transport, cache=cache, pace=pace)
        return cls(cloud, credential, ca=ca, transport=transport, pace=pace)

    def close(self) -> None:
        """Close the connections; the session cannot be used any more."""
        self._transport.close()

    @cached_property
    def subscription_id(self) -> str:
        """The subscription: of the parameters or the credentials, otherwise the only one the identity can see.

        :raises InvalidInput: it can see none, or more than one.
        """
        known = self.credential.identity.get("subscription_id")
        if known:
            return known
        visible = self.list_raw("/subscriptions", SUBSCRIPTIONS_API, what="list subscriptions")
        if len(visible) == 1:
            return str(visible[0]["subscriptionId"])
        names = ", ".join(f"{one.get('displayName')} ({one.get('subscriptionId')})" for one in visible)
        raise InvalidInput(
            f"No subscription is given, and the identity can see {f'{len(visible)}: {names}' if visible else 'none'}.",
            remedy="Set subscription_id (AZURE_SUBSCRIPTION_ID)."
            if visible
            else "Give the identity a role in a subscription.",
        )

    @cached_property
    def compute(self) -> ComputeManagementClient:
        with errors.sdk_import():
            from azure.mgmt.compute import ComputeManagementClient
        return ComputeManagementClient(self.credential, self.subscription_id, **self._client_arguments)

    @cached_property
    def network(self) -> NetworkManagementClient:
        with errors.sdk_import():
            from azure.mgmt.network import NetworkManagementClient
        return NetworkManagementClient(self.credential, self.subscription_id, **self._client_arguments)

    @cached_property
    def storage(self) -> StorageManagementClient:
        with errors.sdk_import():
            from azure.mgmt.storage import StorageManagementClient
        return StorageManagementClient(self.credential, self.subscription_id, **self._client_arguments)

    @cached_property
    def resources(self) -> ResourceGroups:
        return ResourceGroups(self)

    def read(self, call: Callable[..., Any], *args: Any, what: str = "", **kwargs: Any) -> dict[str, Any] | None:
        """One resource as wire JSON.

        :param call: an SDK method: ``session.compute.disks.get``.
        :param args: its arguments, then its keyword arguments.
        :param what: after the words "Could not", for the failure; by default made of the call.
        :returns: ``None`` if it, or what it lies in, does not exist.
        :raises AzureError: any other refusal, an unknown subscription among them.
        """
        try:
            reply = self._call(call, args, kwargs, what or _describe(call, args))
        except errors.AzureError as error:
            if _absent(error):
                return None
            raise
        return reply.resource

    def list(self, call: Callable[..., Any], *args: Any, what: str = "", **kwargs: Any) -> Items:
        """All resources of a list, over all its pages, as wire JSON; an empty list if what they lie in is absent."""
        pages: list[Any] = []

        def keep(response: Any) -> None:
            if response.http_response.status_code == 200:
                pages.append(errors.json_of(response.http_response))

        def attempt() -> None:
            pages.clear()
            with errors.translated(what or _describe(call, args)):
                found = call(*args, raw_response_hook=keep, **kwargs)
                if isinstance(found, Iterable):
                    deque(found, maxlen=0)  # turns the pages; what the models make of them is not wanted

        try:
            self._with_fresh_token(attempt)
        except errors.AzureError as error:
            if _absent(error):
                return []
            raise
        return [item for page in pages for item in (page if isinstance(page, list) else page.get("value") or [])]

    def send(
        self,
        call: Callable[..., Any],
        *args: Any,
        body: Mapping[str, Any] | None = None,
        wait: bool = True,
        timeout: float | None = None,
        what: str = "",
        done: Done | None = None,
        **kwargs: Any,
    ) -> dict[str, Any] | None:
        """One write, to the end of the operation it begins; repeated when it fails in passing.

        :param call: an SDK method, plain or ``begin_…``.
        :param args: the ids; the body is added after them.
        :param body: wire-shaped (camelCase).
        :param wait: ``False``: return Azure's first answer.
        :param timeout: seconds for the whole of it; by default the parameter ``wait_timeout``, or an hour.
        :param what: after the words "Could not", and in progress: ``create disk d``.
        :param done: for a PUT or POST that is not the same when done twice: whether one whose answer was lost was
            carried out; for what did not exist, :func:`retries.made`.
        :returns: the resource after a PUT or PATCH, the output of a POST, otherwise ``None``; wire JSON.
        :raises AzureError: Azure refuses.
        :raises OperationFailed: it accepted, and failed later.
        :raises OperationTimeout: the time limit has passed; the operation goes on.
        """
        what = what or _describe(call, args)
        if body is not None:
            args = (*args, json.dumps(body).encode())
            kwargs["content_type"] = "application/json"
        if getattr(call, "__name__", "").startswith("begin_"):
            kwargs["polling"] = False
        waiter = self.waiter(what, timeout)
        sent: Sent = []
        reply = persist(
            lambda: self._call(call, args, kwargs, what, sent),
            lambda: sent[-1] if sent else None,
            waiter,
            self._limited(timeout),
            done=done,
        )
        return waiter.finish(sent[-1], reply) if wait else reply.resource

    def attach(
        self, call: Callable[..., Any], *args: Any, timeout: float | None = None, what: str = "", **kwargs: Any
    ) -> dict[str, Any] | None:
        """Read a resource and, while an operation on it is running, wait for that to end.

        :returns: the resource in its final state, which may be ``Failed``; ``None`` if it does not exist.
        """
        what = what or _describe(call, args)
        sent: Sent = []
        try:
            reply = self._call(call, args, kwargs, what, sent)
        except errors.AzureError as error:
            if _absent(error):
                return None
            raise
        return self.waiter(what, timeout).settle(sent[-1].url, first=reply)

    def raw(
        self,
        method: str,
        path: str,
        api_version: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        wait: bool = True,
        timeout: float | None = None,
        what: str = "",
    ) -> dict[str, Any] | None:
        """A request that no SDK client has, by the resource's id.

        GET and HEAD behave as :meth:`read`, the others as :meth:`send`.
        """
        url = self._url(path, api_version, query)
        what = what or f"{method} {path}"
        if method in READS:
            try:
                return self._exchange(method, url, what, body).resource
            except errors.AzureError as error:
                if _absent(error):
                    return None
                raise
        waiter = self.waiter(what, timeout)
        request = Request(method, url)
        reply = persist(
            lambda: self._exchange(method, url, what, body), lambda: request, waiter, self._limited(timeout)
        )
        return waiter.finish(request, reply) if wait else reply.resource

    def list_raw(self, path: str, api_version: str, *, what: str = "") -> Items:
        """All items of a list that no SDK client has, over all its pages."""
        url: str | None = self._url(path, api_version)
        items: Items = []
        while url:
            page = self._exchange("GET", url, what or f"list {path}").resource or {}
            items += page.get("value") or []
            url = page.get("nextLink")
        return items

    def waiter(self, what: str, timeout: float | None = None) -> Waiter:
        """The one waiter, for what :meth:`send` and :meth:`attach` do not cover."""
        return Waiter(self._poll, what, self._limited(timeout))

    def _limited(self, timeout: float | None) -> Pace:
        return self.pace if timeout is None else replace(self.pace, timeout=timeout)

    def _call(
        self,
        call: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        what: str,
        sent: Sent | None = None,
    ) -> Reply:
        """Call an SDK method and return what came over the wire; ``sent`` is told the requests as they go out."""
        seen: list[Any] = []

        def keep(request: Any) -> None:
            if sent is not None:
                sent.append(Request(request.http_request.method, request.http_request.url))

        def attempt() -> None:
            with errors.translated(what):
                call(*args, raw_request_hook=keep, raw_response_hook=seen.append, **kwargs)

        self._with_fresh_token(attempt)
        return _reply(seen[-1].http_response)

    def _exchange(self, method: str, url: str, what: str, body: Mapping[str, Any] | None = None) -> Reply:
        """One request through our own pipeline; a refusal is raised."""

        def attempt() -> Reply:
            with errors.translated(what):
                reply = self._request(method, url, body)
            if reply.failed:
                raise errors.from_response(what, reply.status, reply.headers, reply.body)
            return reply

        return self._with_fresh_token(attempt)

    def _poll(self, url: str) -> Reply:
        with errors.translated("ask how the operation goes"):
            return self._request("GET", url, None, connection_timeout=30, read_timeout=60, **{ONCE: True})

    def _request(self, method: str, url: str, body: Mapping[str, Any] | None, **options: Any) -> Reply:
        from azure.core.rest import HttpRequest

        request = HttpRequest(method, url, headers={"Accept": "application/json"}, json=body)
        return _reply(self._arm.send_request(request, **options))

    def _with_fresh_token(self, attempt: Callable[[], T]) -> T:
        """A token of the run's cache may no longer count (revoked, a reset local cloud): log in anew, once."""
        try:
            return attempt()
        except errors.AzureError as error:
            if error.status != 401:
                raise
        self.credential.forget(self.cloud.scope)
        return attempt()

    def _url(self, path: str, api_version: str, query: Mapping[str, str] | None = None) -> str:
        return f"{self.cloud.resource_manager}{path}?{urlencode({**(query or {}), 'api-version': api_version})}"

    @cached_property
    def _client_arguments(self) -> dict[str, Any]:
        return {
            "base_url": self.cloud.resource_manager,
            "credential_scopes": [self.cloud.scope],
            "transport": self._patient,
            "retry_total": 0,
            "user_agent": "goldenimage.azure",
        }

    @cached_property
    def _patient(self) -> Patient:
        return Patient(self._transport, self.pace, methods=READS)

    @property
    def for_blobs(self) -> dict[str, Any]:
        """Arguments for the storage service's SDK clients, whose requests may all be repeated."""
        return {"transport": Patient(self._transport, self.pace), "retry_total": 0}

    @cached_property
    def _arm(self) -> Any:
        """A bare management client: authentication, proxy, no models."""
        with errors.sdk_import():
            from azure.core.pipeline import policies
            from azure.mgmt.core import ARMPipelineClient
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
        return ARMPipelineClient(
            self.cloud.resource_manager,
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy("goldenimage.azure"),
                policies.ProxyPolicy(),
                policies.RedirectPolicy(),
                ARMChallengeAuthenticationPolicy(self.credential, self.cloud.scope),
                policies.SensitiveHeaderCleanupPolicy(),
            ],
            transport=self._patient,
        )


class ResourceGroups:
    """Resource groups, for which no SDK package is wanted."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, name: str) -> dict[str, Any] | None:
        """The group as wire JSON; ``None`` if it does not exist."""
        path = f"/subscriptions/{self._session.subscription_id}/resourceGroups/{name}"
        return self._session.raw("GET", path, RESOURCES_API, what=f"read resource group {name}")

    def location(self, name: str) -> str:
        """The location of a group: what a resource in it gets by default.

        :raises InvalidInput: the group does not exist.
        """
        group = self.read(name)
        if group is None:
            raise InvalidInput(
                f"Resource group {name} does not exist in subscription {self._session.subscription_id}.",
                remedy="Create it first, or check resource_group and subscription_id.",
            )
        return str(group["location"])


def _absent(error: errors.AzureError) -> bool:
    """Whether it means that the resource, or the group or parent it lies in, does not exist.

    A 404 without a code is not Azure's: whatever answered there should not pass for an empty cloud.
    """
    return error.status == 404 and bool(error.code) and error.code.lower() not in NOT_JUST_ABSENT


def _reply(response: Any) -> Reply:
    return Reply(response.status_code, response.headers, errors.json_of(response))


def _describe(call: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """What an SDK method does, in words: ``create or update virtual machine rg/vm``."""
    name = getattr(call, "__name__", "call").removeprefix("begin_")
    verb = "list" if name.startswith(("list_by_", "list_all")) else name.replace("_", " ")
    plural = getattr(call, "__qualname__", "").partition("Operations.")[0]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plural).lower()
    ids = "/".join(argument for argument in args if isinstance(argument, str))
    if verb == "list":
        return f"list {words}" + (f" in {ids}" if ids else "")
    for ending, singular in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if words.endswith(ending):
            words = words.removesuffix(ending) + singular
            break
    return " ".join(part for part in (verb, words, ids) if part)
