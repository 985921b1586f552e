# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m conformance [DIR] [--all] [--scenario NAME…] [--record]``: replay recorded scenarios and print the agreement.

DIR is the environment's AZURE_EMULATOR_RECORDINGS unless given. Exit status 0 when at least 95 % agree.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from azure_process import LocalAzure

from conformance import coverage, recording, replay, report

REQUIRED = 0.95


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=os.environ.get("AZURE_EMULATOR_RECORDINGS"))
    parser.add_argument("--all", action="store_true", help="name the exchanges that agree, too")
    parser.add_argument("--scenario", nargs="*", default=[], help="only these")
    parser.add_argument("--record", action="store_true", help="write which operations agreed, and COVERAGE.md")
    options = parser.parse_args()
    if options.folder is None:
        parser.error("give a folder, or set AZURE_EMULATOR_RECORDINGS")
    files = [path for path in recording.scenarios(Path(options.folder)) if _wanted(path, options.scenario)]
    if not files:
        parser.error(f"no recorded scenarios in {options.folder}")
    results = _run(files, everything=options.all)
    print("\n".join(["", *report.table(results)]))
    if options.record:
        coverage.record(results)
        coverage.write()
    compared, agreed = sum(r.compared for r in results), sum(r.agreed for r in results)
    return 0 if compared and agreed / compared >= REQUIRED else 1


def _wanted(path: Path, names: list[str]) -> bool:
    return not names or any(name in path.name for name in names)


def _run(files: list[Path], *, everything: bool) -> list[replay.Result]:
    results = []
    with tempfile.TemporaryDirectory() as folder:
        azure = LocalAzure(Path(folder) / "azure")
        try:
            azure.sign_in()
            for path in files:
                result = replay.run(azure, recording.load(path))
                results.append(result)
                print(f"\n== {result.name}: {result.agreed} of {result.compared} agree")
                print("\n".join(report.details(result, everything=everything)))
        finally:
            azure.stop()
    return results


if __name__ == "__main__":
    sys.exit(main())
