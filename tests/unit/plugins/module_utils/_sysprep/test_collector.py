# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector is read as text, because there is no PowerShell here: its shape, and that it only reads.

That it is PowerShell at all is looked at with the other scripts. Nothing runs it here: it needs Windows (tests/pester).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep import shape
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.facts import SCHEMA
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.shape import SHAPE

SCRIPT = Path(__file__).resolve().parents[5] / "roles" / "windows_generalize" / "files" / "collect_facts.ps1"
TEXT = SCRIPT.read_text(encoding="utf-8")
TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      |(?P<single>'(?:[^']|'')*')
      |(?P<double>"(?:[^"`]|`.|"")*")
      |(?P<command>\b[A-Z][A-Za-z]+-[A-Z][A-Za-z]+\b)
      |(?P<variable>\$\{?[A-Za-z_][\w:]*\}?)
      |(?P<open>@?[({\[])
      |(?P<close>[)}\]])
      |(?P<word>[A-Za-z_][\w.]*)
      |(?P<newline>\n)
      |(?P<other>[^\s])""",
    re.VERBOSE,
)
# Everything that the script may call. All of it only reads, or stays in PowerShell itself.
OWN = {"Test-MachineKey", "Get-MachineSubkey", "Get-MachineValueName", "Get-MachineValue", "Get-Number", "Get-Property",
       "Get-OptionalInstance", "Get-EncryptedItem"}  # fmt: skip
READING = {"Get-CimInstance", "Get-AppxPackage", "Get-AppxProvisionedPackage", "Get-WindowsFeature", "Get-Command", "Get-Variable",
           "Where-Object", "ForEach-Object", "ConvertTo-Json", "Set-StrictMode"}  # fmt: skip
METHODS = {
    "OpenBaseKey", "OpenSubKey", "GetSubKeyNames", "GetValueNames", "GetValue", "GetFolderPath", "GetPathRoot", "GetCurrent",
    "IsInRole", "Exists", "GetProcessesByName", "ExpandEnvironmentVariables", "GetFileSystemInfos", "ReadAllText", "Matches",
    "IsNullOrEmpty", "GetType", "ContainsKey", "new",
}  # fmt: skip
PAIRS = {"(": ")", "{": "}", "[": "]"}


def tokens(text: str) -> list[tuple[str, str, int]]:
    """Kind, text and place of each token but line ends and comments."""
    found = [(str(each.lastgroup), each.group(), each.start()) for each in TOKEN.finditer(text)]
    return [each for each in found if each[0] not in ("comment", "newline")]


def unbalanced(text: str) -> str:
    """What is wrong with the brackets; nothing if they fit. Those of $(…) inside strings count as well."""
    waiting: list[str] = []
    for kind, token, at in tokens(text):
        if kind == "double" and token.count("(") != token.count(")"):
            return f"{token} at {at}"
        if kind == "open":
            waiting.append(PAIRS[token[-1]])
        elif kind == "close" and (not waiting or waiting.pop() != token):
            return f"{token} at {at} has no partner"
    return f"{waiting} is missing" if waiting else ""


def block(text: str, start: int) -> str:
    """The text from an opening bracket to its partner."""
    depth = 0
    for kind, _token, at in tokens(text[start:]):
        depth += (kind == "open") - (kind == "close")
        if depth == 0:
            return text[start : start + at + 1]
    raise AssertionError("the block does not end")


def sections() -> dict[str, str]:
    start = TEXT.index("$sections = [ordered]@{") + len("$sections = [ordered]@")
    body = block(TEXT, start)
    found = {}
    for each in re.finditer(r"^    ([a-z_]+) += (?=\{)", body, re.MULTILINE):
        found[each[1]] = block(body, each.end())
    return found


def writes(text: str) -> list[str]:
    """What in a script is not known to be reading only."""
    found = [
        token
        for kind, token, _at in tokens(text)
        if kind == "command" and token not in OWN | READING | {"Invoke-CimMethod"}
    ]
    found += [name for name in re.findall(r"(?:\.|::)(\w+)\(", text) if name not in METHODS]
    code = " ".join(token if kind not in ("single", "double") else "''" for kind, token, _at in tokens(text))
    found += re.findall(r"\b\w+\.exe\b|(?<![-\w])>{1,2}|\biex\b|\bsc\b|\breg\b|\bdel\b|\brm\b", code)
    found += [each for each in re.findall(r"Invoke-CimMethod.*", text) if "-MethodName Get" not in each]
    # The second argument of OpenSubKey would ask for writing.
    return found + re.findall(r"OpenSubKey\([^()]*,[^()]*\)", text)


def test_brackets_and_strings_are_balanced() -> None:
    assert unbalanced(TEXT) == ""
    assert TEXT.isascii(), "Windows PowerShell reads a file without a mark as the machine's code page"
    assert "\t" not in TEXT


@pytest.mark.parametrize("damage", ["}", "{", "(", ")", "]", "@{", "@("])
def test_the_test_sees_brackets_that_do_not_fit(damage: str) -> None:
    at = TEXT.index("$facts = @{ schema")
    assert unbalanced(f"{TEXT[:at]}{damage}\n{TEXT[at:]}")


def test_it_only_reads() -> None:
    assert writes(TEXT) == []


@pytest.mark.parametrize(
    "line",
    [
        "Set-ItemProperty -Path HKLM:\\x -Name y -Value 1", "Remove-Item C:\\x", "$key.SetValue('a', 1)", "$key.DeleteSubKey('a')",
        "[IO.File]::WriteAllText('a', 'b')", "bcdedit.exe /set x", "'a' > C:\\x", "$machine.OpenSubKey('a', $true)",
        "Invoke-CimMethod -InputObject $_ -MethodName Decrypt", "Start-Process x", "reg add x", "Restart-Computer",
        "Enable-WindowsOptionalFeature -Online", "Invoke-Expression $x",
    ],
)  # fmt: skip
def test_the_test_sees_what_writes(line: str) -> None:
    assert writes(f"{TEXT}\n{line}\n")


def test_sections_are_those_of_the_shape() -> None:
    assert set(sections()) == {fact.path.partition(".")[0] for fact in SHAPE}


@pytest.mark.parametrize("fact", SHAPE, ids=lambda fact: fact.path)
def test_every_fact_is_collected(fact: shape.Fact[object]) -> None:
    section, name = fact.path.split(".")
    assert re.search(rf"(?<![\w$-]){name} += ", sections()[section]), f"{fact.path} is not in the section's object"


def test_every_record_has_its_attributes() -> None:
    for section, kind in (
        ("bitlocker", shape.Volume), ("appx", shape.Package), ("roles", shape.Feature), ("sql", shape.Instance),
        ("services", shape.Service), ("extensions", shape.Handler), ("disks", shape.Disk),
    ):  # fmt: skip
        for name in kind.__dataclass_fields__:
            assert re.search(rf"(?<![\w$-]){name} += ", sections()[section]), f"{section}: {name}"


def test_lists_stay_lists() -> None:
    """A pipeline of one would become its only item, so every list is within @( )."""
    for fact in SHAPE:
        section, name = fact.path.split(".")
        if fact.read.__qualname__ in ("texts", "records.<locals>.read"):
            assert re.search(rf"(?<![\w$-]){name} += @\(", sections()[section]), fact.path


def test_every_section_is_guarded() -> None:
    """Sections are blocks that only the loop runs, within try, and what fails becomes text below its name."""
    loop = TEXT[TEXT.index("foreach ($section in @($sections.Keys))") :]
    body = re.sub(r"\s+", " ", block(loop, loop.index("{")))
    assert re.fullmatch(r"\{ try \{ \$facts\[\$section\] = & \$sections\[\$section\] \} catch \{ .* \} \}", body)
    assert "$facts.errors[$section] = " in body
    assert TEXT.count("& $") == 1
    outside = TEXT[TEXT.index("\n}\n\n$facts = ") :]
    assert not set(re.findall(r"\b[A-Z]\w+-[A-Z]\w+", re.sub(r"#.*", "", outside))) - {"Get-Variable", "ConvertTo-Json"}


def test_nothing_depends_on_the_language() -> None:
    """Errors are told apart by code; State and Status texts are not compared."""
    code = "\n".join(line.partition("#")[0] for line in TEXT.splitlines())
    assert "-match" not in code
    for line in code.splitlines():
        if ".Message" in line:
            assert "$facts.errors" in line, "a message is shown and nothing else"
    assert not re.search(r"\.(Status|State|DisplayName)\b", code)


def test_it_says_which_schema_it_is() -> None:
    assert f"$facts = @{{ schema = {SCHEMA}; errors = @{{}} }}" in TEXT


def test_its_functions_are_used_and_there() -> None:
    defined = set(re.findall(r"^function ([\w-]+) \{", TEXT, re.MULTILINE))
    assert defined == OWN
    assert all(len(re.findall(rf"{name}\b", TEXT)) > 1 for name in defined)
