# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The waiter, with a clock of its own."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._azure import errors
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.operations import Reply, Request, Waiter
from ansible_collections.goldenimage.azure.plugins.module_utils._azure.pace import Pace, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable

URL = "https://arm/disks/d?api-version=1"
PUT, POST, DELETE = (Request(method, URL) for method in ("PUT", "POST", "DELETE"))


class World:
    """Answers in turn and time that only passes while sleeping."""

    def __init__(self, *answers: Reply | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.now = 0.0
        self.lines: list[str] = []

    def get(self, url: str) -> Reply:
        self.asked.append(url)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float) -> None:
        assert 0 < seconds <= 1
        self.now += seconds

    def waiter(self, timeout: float = 3600.0) -> Waiter:
        pace = Pace(timeout, report=self.lines.append, clock=lambda: self.now, sleep=self.sleep)
        return Waiter(self.get, "create disk d", pace)


def status(text: str, **more: Any) -> Reply:
    headers = more.pop("headers", {})
    return Reply(200, headers, {"status": text, **more})


def resource(state: str) -> Reply:
    return Reply(200, {}, {"name": "d", "properties": {"provisioningState": state}})


def accepted(code: int = 201, **headers: str) -> Reply:
    return Reply(code, {"Azure-AsyncOperation": "https://arm/op/1", **headers}, None)


class TestRetryAfter:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({"Retry-After": "10"}, 10.0),
            ({"Retry-After": "0"}, 0.0),
            ({"Retry-After": "0.05"}, 0.05),
            ({"x-ms-retry-after-ms": "50", "Retry-After": "10"}, 0.05),
            ({"retry-after-ms": "1500"}, 1.5),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "-5"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "inf"}, None),
            ({}, None),
        ],
    )
    def test_numbers(self, headers: dict[str, str], seconds: float | None) -> None:
        assert retry_after(headers) == seconds

    def test_dates(self) -> None:
        future = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
        past = format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)
        assert retry_after({"Retry-After": future}) == pytest.approx(60, abs=3)
        assert retry_after({"Retry-After": past}) == 0


class TestPace:
    def test_what_azure_asks_for(self) -> None:
        world = World(status("InProgress", headers={"Retry-After": "30"}), status("Succeeded"), resource("Succeeded"))
        world.waiter().finish(PUT, accepted(**{"Retry-After": "10"}))
        assert world.now == pytest.approx(40)

    def test_zero_is_not_half_a_minute(self) -> None:
        busy = status("InProgress", headers={"Retry-After": "0"})
        world = World(busy, busy, status("Succeeded"), resource("Succeeded"))
        world.waiter().finish(PUT, accepted(**{"Retry-After": "0"}))
        assert 0 < world.now < 3

    def test_without_a_word_it_grows_to_ten_seconds(self) -> None:
        world = World(*[status("InProgress")] * 40, status("Succeeded"), resource("Succeeded"))
        world.waiter().finish(PUT, accepted())
        assert 300 < world.now < 400

    def test_the_report_goes_on(self) -> None:
        world = World(status("InProgress", headers={"Retry-After": "30"}), status("Succeeded"), resource("Succeeded"))
        world.waiter().finish(PUT, accepted())
        assert "create disk d: InProgress, 10 s" in world.lines
        assert len(world.lines) >= 30


class TestOperation:
    @pytest.mark.parametrize("text", ["Succeeded", "succeeded", "SUCCEEDED"])
    def test_case_of_the_status(self, text: str) -> None:
        world = World(status(text), resource("Succeeded"))
        assert world.waiter().finish(PUT, accepted()) == resource("Succeeded").body

    def test_a_newer_address_replaces_the_older(self) -> None:
        moved = status("InProgress", headers={"Azure-AsyncOperation": "https://arm/op/1?t=2&s=%2F"})
        world = World(moved, status("Succeeded"), resource("Succeeded"))
        world.waiter().finish(PUT, accepted())
        assert world.asked == ["https://arm/op/1", "https://arm/op/1?t=2&s=%2F", URL]

    def test_a_newer_location_replaces_the_older(self) -> None:
        moved = status("InProgress", headers={"Location": "https://arm/result/2"})
        world = World(moved, status("Succeeded"), Reply(200, {}, {"x": 1}))
        got = world.waiter().finish(POST, accepted(202, Location="https://arm/result/1"))
        assert got == {"x": 1}
        assert world.asked[-1] == "https://arm/result/2"

    @pytest.mark.parametrize("text", ["Failed", "Canceled", "Cancelled", "failed"])
    def test_ends_badly_with_200(self, text: str) -> None:
        world = World(status(text, error={"code": "OSProvisioningTimedOut", "message": "OS Provisioning timed out."}))
        with pytest.raises(errors.OperationFailed, match="boot diagnostics") as caught:
            world.waiter().finish(PUT, accepted())
        assert caught.value.code == "OSProvisioningTimedOut"

    def test_ends_badly_without_a_reason(self) -> None:
        with pytest.raises(errors.OperationFailed, match="OperationCanceled"):
            World(status("Canceled")).waiter().finish(DELETE, accepted(202))

    def test_succeeds_but_the_resource_failed(self) -> None:
        with pytest.raises(errors.OperationFailed, match="Failed"):
            World(status("Succeeded"), resource("Failed")).waiter().finish(PUT, accepted())

    def test_the_resource_lags_behind(self) -> None:
        world = World(status("Succeeded"), resource("Updating"), resource("Succeeded"))
        assert world.waiter().finish(PUT, accepted()) == resource("Succeeded").body

    def test_a_forgotten_operation_of_a_put(self) -> None:
        world = World(Reply(404, {}, {"error": {"code": "NotFound"}}), resource("Succeeded"))
        assert world.waiter().finish(PUT, accepted()) == resource("Succeeded").body

    def test_a_forgotten_operation_of_a_post(self) -> None:
        world = World(Reply(404, {}, {"error": {"code": "NotFound", "message": "gone"}}))
        with pytest.raises(errors.AzureError, match="NotFound"):
            world.waiter().finish(POST, accepted(202))

    def test_an_operation_that_shows_the_resource(self) -> None:
        world = World(resource("Updating"), resource("Succeeded"))
        assert world.waiter().finish(PUT, accepted()) == resource("Succeeded").body

    def test_no_header_but_a_state(self) -> None:
        world = World(resource("Creating"), resource("Succeeded"))
        got = world.waiter().finish(PUT, Reply(201, {}, resource("Creating").body))
        assert got == resource("Succeeded").body
        assert world.asked == [URL, URL]

    def test_done_at_once(self) -> None:
        world = World(resource("never asked"))
        assert world.waiter().finish(PUT, resource("Succeeded")) == resource("Succeeded").body
        assert world.asked == []


class TestTrouble:
    GONE = errors.Unreachable("Could not ask: no answer.")

    def test_a_restart_in_between(self) -> None:
        world = World(
            self.GONE,
            self.GONE,
            Reply(503),
            Reply(429, {"Retry-After": "20"}),
            status("Succeeded"),
            resource("Succeeded"),
        )
        assert world.waiter().finish(PUT, accepted()) == resource("Succeeded").body
        assert world.now > 20
        assert any("no answer, trying again" in line for line in world.lines)

    @pytest.mark.parametrize("answer", [GONE, Reply(503), status("InProgress")])
    def test_the_time_limit(self, answer: Reply | Exception) -> None:
        world = World(answer)
        with pytest.raises(errors.OperationTimeout, match=r"create disk d within 60 s.*goes on in Azure"):
            world.waiter(60).finish(PUT, accepted())
        assert world.now == pytest.approx(60)

    def test_a_long_wait_is_cut_to_the_limit_and_asked_once_more(self) -> None:
        world = World(status("InProgress", headers={"Retry-After": "1200"}), status("Succeeded"), resource("Succeeded"))
        assert world.waiter(60).finish(PUT, accepted()) == resource("Succeeded").body
        assert world.now == pytest.approx(60)

    def test_a_refusal_is_not_repeated(self) -> None:
        world = World(Reply(403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}))
        with pytest.raises(errors.AzureError, match="AuthorizationFailed"):
            world.waiter().finish(PUT, accepted())
        assert len(world.asked) == 1

    def test_a_signal_ends_the_wait(self) -> None:
        class Cancelled(BaseException):
            pass

        def cancel(*_: object) -> None:
            raise Cancelled

        before: Callable[..., Any] | int | None = signal.signal(signal.SIGALRM, cancel)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        began = time.monotonic()
        try:
            with pytest.raises(Cancelled):
                Waiter(lambda _url: status("InProgress"), "x").finish(PUT, accepted(**{"Retry-After": "30"}))
        finally:
            signal.signal(signal.SIGALRM, before)
        assert time.monotonic() - began < 2


class TestLocation:
    def test_delete_whose_address_vanishes(self) -> None:
        world = World(Reply(202), Reply(404, {}, {"error": {"code": "NotFound"}}))
        assert world.waiter().finish(DELETE, Reply(202, {"Location": "https://arm/result"})) is None

    def test_put_that_ends_empty_reads_the_resource(self) -> None:
        world = World(Reply(202), Reply(200), resource("Succeeded"))
        assert world.waiter().finish(PUT, Reply(202, {"Location": "https://arm/result"})) == resource("Succeeded").body
        assert world.asked == ["https://arm/result", "https://arm/result", URL]

    def test_failure(self) -> None:
        world = World(Reply(409, {}, {"error": {"code": "CannotDeleteResource", "message": "nested"}}))
        with pytest.raises(errors.AzureError, match="Delete the nested resources first"):
            world.waiter().finish(DELETE, Reply(202, {"Location": "https://arm/result"}))
