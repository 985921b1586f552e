# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire server: the goal state the guest asks for, and the health report that makes it provisioned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, unescape

from azure_emulator.guests.model import Answer, Guest, Request

VERSIONS = """<?xml version="1.0" encoding="utf-8"?>
<Versions><Preferred><Version>2015-04-05</Version></Preferred>
<Supported><Version>2015-04-05</Version><Version>2012-11-30</Version></Supported></Versions>"""

GOAL_STATE = """<?xml version="1.0" encoding="utf-8"?>
<GoalState><Version>2015-04-05</Version><Incarnation>1</Incarnation>
<Machine><ExpectedState>Started</ExpectedState></Machine>
<Container><ContainerId>{container}</ContainerId><RoleInstanceList><RoleInstance>
<InstanceId>_{name}</InstanceId><State>Started</State><Configuration></Configuration>
</RoleInstance></RoleInstanceList></Container></GoalState>"""


@dataclass(frozen=True)
class HealthReport:
    """What the guest says about itself: ``Ready``, or ``NotReady`` with the reason."""

    state: str
    substatus: str = ""
    description: str = ""

    @property
    def provisioned(self) -> bool:
        return self.state == "Ready"


def parse_health(body: bytes) -> HealthReport | None:
    """Read a health report; None when it is none. Elements are picked, not parsed: the guest is not to be trusted."""
    text = body.decode("utf-8", "replace")

    def element(name: str) -> str:
        match = re.search(rf"<{name}>([^<]*)</{name}>", text)
        return unescape(match[1]).strip() if match else ""

    state = element("State")
    return HealthReport(state, element("SubStatus"), element("Description")) if state else None


def respond(guest: Guest, request: Request) -> tuple[Answer, HealthReport | None]:
    """Answer one request of the guest; the second value is the health report when it was one."""
    topic = request.query.get("comp")
    path = request.path.rstrip("/")
    if request.method == "GET" and path == "" and topic == "versions":
        return _xml(200, VERSIONS), None
    if path == "/machine" and topic == "goalstate" and request.method == "GET":
        return _xml(200, GOAL_STATE.format(container=guest.vm_id, name=escape(guest.vm_name))), None
    if path == "/machine" and topic == "health" and request.method == "POST":
        report = parse_health(request.body)
        return _xml(200 if report else 400, ""), report
    return _xml(404, ""), None


def _xml(status: int, text: str) -> Answer:
    return Answer(status, "text/xml; charset=utf-8", text.encode())
