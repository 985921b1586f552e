# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Sysprep's logs to why it failed, what to do, and whether it may be run again on this machine."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import codes, failures, runs
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.runs import Match, Run
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.signs import (
    DEPLOY,
    EXECUTE,
    HALF_DONE,
    START,
    VALIDATE,
    Failure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

KNOWN, UNKNOWN, SUCCESS, UNFINISHED, UNREADABLE = "known", "unknown", "success", "unfinished", "unreadable"
_HALF_DONE = "state.half_done"
_SAVE = "copy both Panther folders before, because Sysprep clears its log at each start"
_AGAIN: dict[str, tuple[bool | None, str]] = {
    START: (True, f"Sysprep ended before it did anything. Remove the cause and run it again; {_SAVE}."),
    VALIDATE: (
        True,
        (f"Sysprep only looked, and did not change the machine. Remove the cause and run it again; {_SAVE}."),
    ),
    EXECUTE: (
        False,
        (
            "Sysprep had begun to change the machine and has no way back: it is half done, and no image may be made of it. "
            "Restore the backup that was taken before or build it again, remove the cause there, and run Sysprep then."
        ),
    ),
    HALF_DONE: (
        False,
        (
            "The machine is half done since an earlier attempt, and every further one is refused. Restore the backup that was "
            "taken before the first attempt, or build it again."
        ),
    ),
    DEPLOY: (
        False,
        (
            "This is a machine that was started from the image: delete it. Correct the image's source (a backup from before "
            "Sysprep), not the generalized disk, and generalize that."
        ),
    ),
    SUCCESS: (
        False,
        ("Windows is generalized. Do not start it again, which would use that up: capture it."),
    ),
    UNFINISHED: (
        None,
        (
            "Not known: Sysprep may still be running. Look for the process sysprep.exe and at ImageState; if the process is gone, "
            "the machine is to be treated as half done."
        ),
    ),
    UNKNOWN: (
        None,
        (
            "Not known: the log does not tell whether Sysprep had begun to change the machine. Treat it as half done, unless "
            "ImageState is IMAGE_STATE_COMPLETE."
        ),
    ),
    UNREADABLE: (None, "Not known: there is no log. Look at ImageState before anything else."),
}


def diagnose(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Say why Sysprep failed.

    :param logs: the name of each log, and its text or bytes; *null* or nothing for one that is not there.
    :raises InvalidInput: it is not that.
    :returns: a dictionary as the filter ``sysprep_diagnose`` documents it; never a known failure or a success that no line shows.
    """
    attempts = [
        found for name, content in logs.items() for found in [runs.runs_of(name, _content(name, content))] if found
    ]
    if not attempts:
        return _unreadable(logs)
    current, earlier = _split(attempts)
    failed = [run for run in current if run.failed or run.matches]
    succeeded = next((run for run in current if run.succeeded), None)
    if succeeded and not any(_later(run, succeeded) for run in failed):
        found = _success(succeeded)
    elif any(run.matches for run in failed):
        found = _known(failed, earlier)
    elif failed or any(run.closed for run in current):
        found = _unknown(current, earlier)
    else:
        found = _unfinished(current)
    truncated = not any(run.began or run.deploys for file in attempts for run in file)
    return {
        **found,
        "earlier": [_brief(run) for run in earlier if run.order or run.succeeded][-10:],
        "truncated": truncated,
    }


def _content(name: str, content: Any) -> str | bytes:
    if content is None:
        return ""
    if isinstance(content, str | bytes):
        return content
    if isinstance(content, list) and all(isinstance(line, str) for line in content):
        return "\n".join(content)
    raise InvalidInput(
        f"The log {name} is {type(content).__name__}, not text.",
        remedy="Give the file's text (slurp and b64decode, or Get-Content -Raw), or a list of its lines.",
    )


def _split(attempts: list[list[Run]]) -> tuple[list[Run], list[Run]]:
    """Separate the last attempt of each log from those before it; a log that ended before the last one began is old.

    The first start of a machine may have another time zone than the Sysprep before it, so it is old only where that does
    not explain the difference.
    """
    last = [file[-1] for file in attempts]
    began = max((run.since for run in last if run.began and not run.deploys), default="")
    current = [
        run for run in last if not run.until or run.until >= (_before_time_zones(began) if run.deploys else began)
    ]
    known = {id(run) for run in current}
    earlier = [run for file in attempts for run in file if id(run) not in known]
    return current, sorted(earlier, key=lambda run: run.until)


def _before_time_zones(moment: str) -> str:
    """Return a moment that is earlier by more than any two time zones differ; nothing for what is no moment."""
    try:
        return str(datetime.fromisoformat(moment) - timedelta(hours=27))
    except ValueError:
        return ""


def _later(failed: Run, succeeded: Run) -> bool:
    """Tell whether a failure counts although there was a success: it came after it, or nobody can tell when."""
    if failed is succeeded or failed.deploys:
        return True
    moment = succeeded.succeeded.time if succeeded.succeeded else ""
    return not moment or not failed.until or failed.until > moment


def _again(stage: str) -> dict[str, Any]:
    allowed, means = _AGAIN[stage]
    return {"allowed": allowed, "means": means}


def _base(verdict: str, summary: str, stage: str, found: list[Run]) -> dict[str, Any]:
    """Return the result's keys, with what the attempts say of phase, provider and reason."""
    run = next((run for run in found if run.failed), found[0] if found else Run(""))
    provider = next((run.provider for run in found if run.provider), None)
    reasons = (run.failed.codes if run.failed else []) or ([provider.code] if provider and provider.code else [])
    phase = run.phase or ("specialize" if run.deploys else "") or next((each.phase for each in found if each.phase), "")
    lines = list(dict.fromkeys((line.time, line.text) for each in found for line in each.recent))[-8:]
    shown = {(line.time, line.text): line for each in reversed(found) for line in each.recent}
    shown_provider = provider.present() if provider else None
    if shown_provider:
        shown_provider["component"] = next((each.component for each in found if each.component), None)
    return {
        "verdict": verdict,
        "summary": summary,
        "phase": phase or None,
        "stage": stage if stage in (START, VALIDATE, EXECUTE, HALF_DONE, DEPLOY) else None,
        "generalized": None,
        "options": next((each.options for each in found if each.options), []),
        "failures": [],
        "provider": shown_provider,
        "code": codes.describe(reasons[-1]) if reasons else None,
        "lines": [shown[key].present() for key in lines],
        "again": _again(stage),
        "next": None,
    }


def _stage_of(found: list[Run]) -> str:
    """How far Sysprep was; a failure of the specialize pass is one of the new machine."""
    if any(run.deploys or run.phase in ("specialize", "oobesystem") for run in found):
        return DEPLOY
    return next((run.stage for run in found if run.stage), "") or next((run.hint for run in found if run.hint), "")


def _never_safer(stage: str, earlier: list[Run]) -> str:
    """A machine that an earlier attempt began to change stays half done, however early a later one ended."""
    begun = any(run.failed and not run.deploys and (run.stage or run.hint) in (EXECUTE, HALF_DONE) for run in earlier)
    return HALF_DONE if begun and stage in (START, VALIDATE, "") else stage or UNKNOWN


def _known(found: list[Run], earlier: list[Run]) -> dict[str, Any]:
    matched = _merged([run for run in found if run.matches])
    ids = [match.id for match in matched]
    stages = [failures.BY_ID[name].stage for name in ids if failures.BY_ID[name].stage]
    stage = HALF_DONE if HALF_DONE in stages else (stages[0] if stages else "") or _stage_of(found)
    stage = _never_safer(stage, earlier)
    facts = _facts(found)
    listed = [_present(match, facts, stage) for match in matched]
    if _HALF_DONE in ids:
        listed = _root_of_half_done(listed, earlier) + [each for each in listed if each["id"] == _HALF_DONE]
    for place, each in enumerate(listed):
        each["role"] = "root" if place == 0 else "consequence" if each["id"] == _HALF_DONE else "also"
    result = _base(KNOWN, f"{listed[0]['title']}. {listed[0]['cause']}", stage, found)
    code = result["code"] or next(iter(listed[0]["codes"]), None)
    return {**result, "code": code, "failures": listed, "next": listed[0]["next"]}


def _root_of_half_done(listed: list[dict[str, Any]], earlier: list[Run]) -> list[dict[str, Any]]:
    """What made the machine half done: another failure of this attempt, or the last one before it that is known."""
    others = [each for each in listed if each["id"] != _HALF_DONE]
    if others:
        return others
    for run in reversed(earlier):
        matched = [match for match in _merged([run]) if match.id != _HALF_DONE]
        if matched:
            return [_present(match, _facts([run]), HALF_DONE) for match in matched]
    return []


def _merged(found: list[Run]) -> list[Match]:
    """Return the failures of one attempt that several logs tell of, its root first.

    The root shares its reason with the error that ended the attempt, and came first. General ones are left out where an
    exact one is known, and all but the first of them where none is: they are its echo.
    """
    merged: dict[str, Match] = {}
    final: set[int] = set()
    for run in found:
        final.update(run.failed.codes if run.failed else [])
        for match in run.matches.values():
            into = merged.setdefault(match.id, Match(match.id, match.order))
            into.order = min(into.order, match.order)
            into.codes |= match.codes
            told = {(line.time, line.text) for line in into.lines}
            into.lines += [line for line in match.lines if (line.time, line.text) not in told]
    exact = [match for match in merged.values() if not failures.BY_ID[match.id].general]
    listed = sorted(
        exact or merged.values(), key=lambda match: (match.id == _HALF_DONE, not match.codes & final, match.order)
    )
    return listed if exact else listed[:1]


def _facts(found: list[Run]) -> dict[str, Any]:
    provider = next((run.provider for run in found if run.provider), None)
    return {
        "packages": list(dict.fromkeys(name for run in found for name in run.packages)),
        "dll": provider.dll if provider else "",
        "entry_point": provider.entry_point if provider else "",
        "component": next((run.component for run in found if run.component), ""),
        "setting": next((run.setting for run in found if run.setting), ""),
    }


def _filled(text: str, facts: dict[str, Any]) -> str:
    """Put what the log named into a text of ours; what it did not name is said in words."""
    names = {
        "{packages}": ", ".join(facts["packages"]) or "the package",
        "{dll}": facts["dll"] or ("" if facts["component"] else "A provider"),
        "{entry_point}": f"({facts['entry_point']})" if facts["entry_point"] else "",
        "{component}": facts["component"],
        "{setting}": facts["setting"] or "one of its settings",
    }
    for name, value in names.items():
        text = text.replace(f"({name})", value if value.startswith("(") else f"({value})" if value else "").replace(
            name, value
        )
    return " ".join(text.split())


def _present(match: Match, facts: dict[str, Any], stage: str) -> dict[str, Any]:
    failure: Failure = failures.BY_ID[match.id]
    return {
        "id": failure.id,
        "title": failure.title,
        "cause": _filled(failure.cause, facts),
        "remedy": _filled(failure.remedy, facts),
        "next": _filled(failure.next, facts),
        "repair": failure.repair or None,
        "again": _again(stage),
        "source": failure.source,
        "evidence": [line.present() for line in match.lines],
        "codes": [codes.describe(number) for number in sorted(match.codes)],
        **({"packages": facts["packages"]} if failure.id.startswith("appx.") else {}),
    }


def _unknown(found: list[Run], earlier: list[Run]) -> dict[str, Any]:
    stage = _never_safer(_stage_of(found), earlier)
    result = _base(UNKNOWN, "", stage, found)
    who, why = result["provider"], result["code"]
    text = "Sysprep failed for a reason that is not known here"
    if who:
        text += f": {who['dll']} {who['entry_point'] or ''}".rstrip()
    if why:
        text += f", {why['name'] or why['hex']} ({why['meaning'] or why['decimal']})"
    result["summary"] = f"{text}."
    result["next"] = (
        "Read the lines, and those of the same second in setupact.log; search for the provider and its number. Save both Panther "
        "folders, and report the lines to this project, so that the failure becomes a known one."
    )
    return result


def _unfinished(found: list[Run]) -> dict[str, Any]:
    running = next((run.running for run in found if run.running), None)
    at = f", at {running.dll} {running.entry_point}".rstrip() if running else ""
    result = _base(
        UNFINISHED,
        f"The log ends in the middle{at}: neither a success nor the end of an attempt is in it.",
        UNFINISHED,
        found,
    )
    result["provider"] = running.present() if running else result["provider"]
    result["next"] = (
        "Read the log again later; when it does not grow and sysprep.exe is gone, Sysprep was ended by something else."
    )
    return result


def _success(run: Run) -> dict[str, Any]:
    result = _base(SUCCESS, "", SUCCESS, [run])
    if "GENERALIZE" in run.options or run.generalizes:
        result["generalized"] = True
    elif run.began and run.options:
        result["generalized"] = False
    means = {True: "generalized Windows", False: "ended without /generalize: this is no image for many machines"}
    result["summary"] = f"Sysprep {means.get(result['generalized'], 'succeeded; whether with /generalize is cut off')}."
    result["lines"] = [run.succeeded.present()] if run.succeeded else []
    result["provider"] = result["code"] = None
    if result["generalized"] is not True:
        allowed = None if result["generalized"] is None else True
        result["again"] = {
            "allowed": allowed,
            "means": "Look at ImageState; without /generalize, run Sysprep again with it.",
        }
    return result


def _unreadable(logs: Mapping[str, Any]) -> dict[str, Any]:
    given = ", ".join(
        f"{name} ({'empty' if not content else 'no line of Sysprep or Setup'})" for name, content in logs.items()
    )
    result = _base(
        UNREADABLE,
        f"There is no log of Sysprep in what was given: {given or 'nothing'}. That is no success.",
        UNREADABLE,
        [],
    )
    result["next"] = (
        "Read %windir%\\System32\\Sysprep\\Panther\\setupact.log, and for a machine's first start %windir%\\Panther and "
        "%windir%\\Panther\\UnattendGC. An empty setuperr.log says nothing without its setupact.log."
    )
    return {**result, "earlier": [], "truncated": False}


def _brief(run: Run) -> dict[str, Any]:
    """Say in short how an earlier attempt ended."""
    matched = _merged([run])
    provider = run.provider.present() if run.provider else None
    verdict = SUCCESS if run.succeeded and not run.failed else KNOWN if matched else UNKNOWN
    last = run.failed or run.succeeded
    return {
        "verdict": verdict,
        "failures": [match.id for match in matched],
        "provider": provider,
        "time": run.until or None,
        "line": last.present() if last else None,
    }
