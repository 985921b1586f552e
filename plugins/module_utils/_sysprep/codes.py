# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that Windows gives as the reason of a failure: found in a line of a log, made comparable, named.

One reason is written in many ways: ``0x80070005``, ``0x5``, ``5``, ``-2147024891``, ``2147942405``, ``dwRet= 1f``. All are
unsigned 32-bit numbers here, and an HRESULT that only wraps a Win32 error is the same as that error (``plain``).
Names are those of winerror.h, ntstatus.h, slerror.h and the BitLocker provider's documentation; only well-known ones.
"""

from __future__ import annotations

import re
from typing import Any

_WIN32_FACILITY = 0x80070000
_TOP = 0x100000000
_MESSAGES = range(0x0F0000, 0x0F0200)  # Sysprep's own messages, not reasons

NAMES: dict[int, tuple[str, str]] = {
    0x00000001: ("ERROR_INVALID_FUNCTION", "the function is wrong"),
    0x00000002: ("ERROR_FILE_NOT_FOUND", "a file, key or value is missing"),
    0x00000003: ("ERROR_PATH_NOT_FOUND", "a folder or key is missing"),
    0x00000005: ("ERROR_ACCESS_DENIED", "access was denied"),
    0x0000000D: ("ERROR_INVALID_DATA", "the data are not valid"),
    0x0000000E: ("ERROR_OUTOFMEMORY", "there is not enough memory"),
    0x0000001F: ("ERROR_GEN_FAILURE", "it does not work; Sysprep's own word for a machine in the wrong state"),
    0x00000020: ("ERROR_SHARING_VIOLATION", "another process has the file open"),
    0x00000021: ("ERROR_LOCK_VIOLATION", "another process has locked a part of the file"),
    0x00000027: ("ERROR_HANDLE_DISK_FULL", "the disk is full"),
    0x00000032: ("ERROR_NOT_SUPPORTED", "the request is not supported"),
    0x00000057: ("ERROR_INVALID_PARAMETER", "a parameter is wrong"),
    0x00000070: ("ERROR_DISK_FULL", "there is not enough space on the disk"),
    0x0000007E: ("ERROR_MOD_NOT_FOUND", "a DLL, or one that it needs, is missing"),
    0x0000007F: ("ERROR_PROC_NOT_FOUND", "the DLL has no such entry point"),
    0x000000B7: ("ERROR_ALREADY_EXISTS", "it exists already"),
    0x000000C1: ("ERROR_BAD_EXE_FORMAT", "the DLL is damaged or for another architecture"),
    0x00000103: ("ERROR_NO_MORE_ITEMS", "there is no more data"),
    0x000003E3: ("ERROR_OPERATION_ABORTED", "the operation was ended"),
    0x00000420: ("ERROR_SERVICE_ALREADY_RUNNING", "the service is running already"),
    0x00000422: ("ERROR_SERVICE_DISABLED", "the service is disabled"),
    0x00000424: ("ERROR_SERVICE_DOES_NOT_EXIST", "the service is not installed"),
    0x00000426: ("ERROR_SERVICE_NOT_ACTIVE", "the service is not running"),
    0x0000045B: ("ERROR_SHUTDOWN_IN_PROGRESS", "the system is shutting down"),
    0x00000490: ("ERROR_NOT_FOUND", "an element is missing"),
    0x000004C7: ("ERROR_CANCELLED", "somebody cancelled it"),
    0x00000522: ("ERROR_PRIVILEGE_NOT_HELD", "the account lacks a privilege"),
    0x0000054A: ("ERROR_INVALID_DOMAIN_STATE", "the domain is in the wrong state"),
    0x0000054B: ("ERROR_NO_SUCH_DOMAIN", "the domain does not exist or was not reached"),
    0x000005AA: ("ERROR_NO_SYSTEM_RESOURCES", "there are not enough resources"),
    0x000005B4: ("ERROR_TIMEOUT", "it took too long"),
    0x000006BA: ("RPC_S_SERVER_UNAVAILABLE", "the service did not answer"),
    0x000006BE: ("RPC_S_CALL_FAILED", "the service broke off the call"),
    0x0000139F: ("ERROR_INVALID_STATE", "the object is in the wrong state"),
    0x000036B7: ("ERROR_SXS_KEY_NOT_FOUND", "the component store lacks a key"),
    0x00003712: ("ERROR_SXS_COMPONENT_STORE_CORRUPT", "the component store is damaged"),
    0x00003CF0: ("ERROR_INSTALL_OPEN_PACKAGE_FAILED", "the Appx package cannot be opened"),
    0x00003CF1: ("ERROR_INSTALL_PACKAGE_NOT_FOUND", "the Appx package is missing"),
    0x00003CF2: ("ERROR_INSTALL_INVALID_PACKAGE", "the Appx package's data are not valid"),
    0x00003CF3: ("ERROR_INSTALL_RESOLVE_DEPENDENCY_FAILED", "what the Appx package needs is missing"),
    0x00003CF4: ("ERROR_INSTALL_OUT_OF_DISK_SPACE", "there is not enough space for the Appx package"),
    0x00003CF6: ("ERROR_INSTALL_REGISTRATION_FAILURE", "the Appx package could not be registered"),
    0x00003CF7: ("ERROR_INSTALL_DEREGISTRATION_FAILURE", "the Appx package could not be unregistered"),
    0x00003CF9: ("ERROR_INSTALL_FAILED", "the Appx package could not be installed"),
    0x00003CFA: ("ERROR_REMOVE_FAILED", "the Appx package could not be removed"),
    0x00003CFC: ("ERROR_NEEDS_REMEDIATION", "the Appx package must be repaired"),
    0x00003CFE: ("ERROR_PACKAGE_REPOSITORY_CORRUPTED", "the repository of Appx packages is damaged"),
    0x00003CFF: ("ERROR_INSTALL_POLICY_FAILURE", "a policy forbids it"),
    0x00003D00: ("ERROR_PACKAGE_UPDATING", "the Appx package is being updated"),
    0x00003D02: ("ERROR_PACKAGES_IN_USE", "the Appx package is in use"),
    0x80004001: ("E_NOTIMPL", "not implemented"),
    0x80004002: ("E_NOINTERFACE", "an interface is missing"),
    0x80004004: ("E_ABORT", "it was ended"),
    0x80004005: ("E_FAIL", "an error without a reason"),
    0x8000FFFF: ("E_UNEXPECTED", "an unexpected failure"),
    0x80040154: ("REGDB_E_CLASSNOTREG", "a COM class is not registered"),
    0x80080005: ("CO_E_SERVER_EXEC_FAILURE", "a COM server could not be started"),
    0x800F081F: ("CBS_E_SOURCE_MISSING", "servicing lacks source files"),
    0x800F0831: ("CBS_E_STORE_CORRUPTION", "the component store is damaged"),
    0x80310000: ("FVE_E_LOCKED_VOLUME", "the BitLocker volume is locked"),
    0x80310039: ("FVE_E_NOT_DECRYPTED", "the BitLocker volume is not fully decrypted"),
    0xC0000005: ("STATUS_ACCESS_VIOLATION", "the program crashed"),
    0xC000000D: ("STATUS_INVALID_PARAMETER", "a parameter is wrong"),
    0xC0000022: ("STATUS_ACCESS_DENIED", "access was denied"),
    0xC0000034: ("STATUS_OBJECT_NAME_NOT_FOUND", "an object is missing"),
    0xC0000135: ("STATUS_DLL_NOT_FOUND", "a DLL is missing"),
    0xC004D302: ("SL_REMAPPING_SP_PUB_TS_REARMED", "the licence was rearmed, and a restart is needed"),
    0xC004D307: ("SL_REMAPPING_SP_PUB_TS_MAX_REARM_REACHED", "the licence was rearmed as often as is allowed"),
    0xC004F050: ("SL_E_INVALID_PRODUCT_KEY", "the product key is not valid"),
    0xC004F075: ("SL_E_SERVICE_STOPPING", "the licensing service is stopping"),
}  # fmt: skip

# Numbers that stand for a reason. [gle=…] is left out: it is whatever the thread's last error was, often of something else.
_HEX = re.compile(r"(?<![0-9A-Za-z\[])(?<!gle=)(?<!gle = )0x([0-9a-f]{1,8})(?![0-9a-z])", re.I)
_IN_BRACKETS = re.compile(r"\[0x([0-9a-f]{1,4}|[8c][0-9a-f]{7})\]", re.I)
_SIGNED = re.compile(r"(?:0x|(?<![\w.:/-]))(-\d{9,10})(?![\w.])")
_NAMED = re.compile(
    r"\b(?:dwRet|hr(?:Result)?|Err(?:or)?|error code|exit code|Status)(?:\s{0,2}[=:]|\sis)?\s{0,2}\[?"
    r"(-?\d{1,10}|(?=[a-f]{0,7}\d)[0-9a-f]{1,8})(?![0-9a-z_.])",
    re.I,
)


def plain(code: int) -> int:
    """Return the Win32 error inside an HRESULT that only wraps one; any other number as it is."""
    return code & 0xFFFF if code & 0xFFFF0000 == _WIN32_FACILITY else code


def _number(written: str) -> int | None:
    """Read a number without 0x. Old Sysprep writes hexadecimal without saying so (``dwRet= 1f``)."""
    try:
        value = int(written, 10)
    except ValueError:
        value = int(written, 16)
    return value % _TOP if -_TOP // 2 <= value < _TOP else None


def found_in(text: str) -> list[int]:
    """Return the reasons that a line of a log names, in their order, each as an unsigned 32-bit ``plain`` number.

    Zero is success and is left out. The identity of the message (``[0x0f0082]``) is none of them.
    """
    places: list[tuple[int, int]] = [(match.start(), int(match[1], 16)) for match in _HEX.finditer(text)]
    places += [(match.start(), int(match[1], 16)) for match in _IN_BRACKETS.finditer(text)]
    places += [(match.start(), int(match[1]) % _TOP) for match in _SIGNED.finditer(text)]
    for match in _NAMED.finditer(text):
        value = _number(match[1])
        if value is not None:
            places.append((match.start(1), value))
    return list(dict.fromkeys(plain(value) for _place, value in sorted(places) if value and value not in _MESSAGES))


def describe(code: int) -> dict[str, Any]:
    """Return one reason for people: ``hex``, ``decimal`` (signed, as Sysprep writes it), ``name`` and ``meaning`` or *null*."""
    name, meaning = NAMES.get(plain(code), (None, None))
    return {
        "hex": f"0x{code:08x}",
        "decimal": code - _TOP if code >= _TOP // 2 else code,
        "name": name,
        "meaning": meaning,
    }
