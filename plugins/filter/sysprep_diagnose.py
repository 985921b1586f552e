# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sysprep_diagnose
author: goldenimage.azure contributors
short_description: Tell from Sysprep's logs why it failed and what to do
description:
  - Reads C(setupact.log) and C(setuperr.log), one or both, of Sysprep (C(%windir%\System32\Sysprep\Panther)) or of the first start
    of a machine (C(%windir%\Panther), C(%windir%\Panther\UnattendGC)), and names the failure, its cause, what to do about it, the
    lines that show it, and whether Sysprep may be run again on this machine.
  - Failures are recognised by their numbers first and by English words second, so that logs of Windows in other languages work.
  - The text may be cut off at its start (Azure's Run Command gives the last 4,096 bytes), may be UTF-16 that was read as
    something else, and may have any line endings.
  - Only the last attempt in the logs counts. When it was refused because an earlier one stopped half way, and that one is in the
    logs, its failure comes first.
  - Never says that Sysprep succeeded, or failed in a known way, when no line shows it. An empty log is no success.
  - Written after Microsoft's documentation and published logs; not compared with a running Windows yet. All failures are in
    C(docs/sysprep-failures.md).
options:
  _input:
    description:
      - The text of one log, or a dictionary of all there are, with the files' names as keys.
      - A text may also be a list of its lines. A file that is not there may be V(null) or empty.
    type: raw
    required: true
seealso:
  - module: goldenimage.azure.vhd_inspect
"""

EXAMPLES = r"""
- name: Read the logs that are there
  ansible.builtin.slurp:
    src: "C:\\Windows\\System32\\Sysprep\\Panther\\{{ item }}"
  loop: [setupact.log, setuperr.log]
  register: slurped
  failed_when: false

- name: Say what happened
  ansible.builtin.set_fact:
    diagnosis: "{{ dict(names | zip(texts)) | goldenimage.azure.sysprep_diagnose }}"
  vars:
    names: "{{ slurped.results | map(attribute='item') }}"
    texts: "{{ slurped.results | map(attribute='content', default='') | map('b64decode') }}"

- name: Stop with the cause and the remedy, and when nobody can say that it went well
  ansible.builtin.fail:
    msg: "{{ [diagnosis.summary] | union(diagnosis.failures | map(attribute='remedy')) | join(' ') }} {{ diagnosis.again.means }}"
  when: diagnosis.verdict != 'success'
"""

RETURN = r"""
_value:
  description: What the logs say.
  type: dict
  contains:
    verdict:
      description:
        - V(known), one or more known failures; V(unknown), it failed, and why is not known here; V(success), Sysprep ended well;
          V(unfinished), the logs have no end; V(unreadable), there is no log of Sysprep in the input.
      type: str
    summary:
      description: The verdict in a sentence or two.
      type: str
    failures:
      description:
        - The known failures, the root cause first. Each has RV(ignore:id), RV(ignore:title), RV(ignore:cause), RV(ignore:remedy),
          RV(ignore:next) (what to try when the remedy did not help), RV(ignore:again), RV(ignore:repair) (the name of the repair of
          the preflight or V(null)), RV(ignore:source), RV(ignore:role) (V(root), V(also), V(consequence)), RV(ignore:codes),
          RV(ignore:evidence) (RV(ignore:file), RV(ignore:line), RV(ignore:text)) and, for Appx packages, RV(ignore:packages).
      type: list
      elements: dict
    again:
      description:
        - RV(ignore:allowed), whether Sysprep may be run again on this machine, V(null) where that is not known; RV(ignore:means),
          what that means.
      type: dict
    next:
      description: What to try next, or V(null).
      type: str
    phase:
      description: The phase that failed, such as V(cleanup), V(generalize), V(specialize), or V(null).
      type: str
    stage:
      description:
        - How far Sysprep was. V(start), before anything; V(validate), it only looked; V(execute), it had begun to change the machine;
          V(half done), an earlier attempt had; V(deploy), a machine that was started from the image.
      type: str
    generalized:
      description: After a success, whether C(/generalize) was given; V(null) where the log does not tell.
      type: bool
    options:
      description: Options that Sysprep was started with, as far as the log tells.
      type: list
      elements: str
    provider:
      description:
        - The last provider that failed, or was running at the end. RV(ignore:dll), RV(ignore:entry_point), RV(ignore:component),
          RV(ignore:code).
      type: dict
    code:
      description:
        - The reason of the failure as RV(ignore:hex), RV(ignore:decimal), RV(ignore:name) (as Windows' headers call it, or V(null)) and
          RV(ignore:meaning).
      type: dict
    lines:
      description: The last errors, with RV(ignore:file), RV(ignore:line) and RV(ignore:text).
      type: list
      elements: dict
    earlier:
      description: How earlier attempts in the logs ended, the newest last.
      type: list
      elements: dict
    truncated:
      description: No log has the beginning of an attempt, so something may be missing.
      type: bool
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._sysprep.diagnose import diagnose

if TYPE_CHECKING:
    from collections.abc import Callable


def sysprep_diagnose(logs: Any) -> dict[str, Any]:
    """Diagnose one log, or a dictionary of them."""
    if not isinstance(logs, Mapping):
        logs = {"log": logs}
    try:
        return diagnose({str(name): content for name, content in logs.items()})
    except InvalidInput as error:
        raise AnsibleFilterError(f"sysprep_diagnose: {error}") from error


class FilterModule:
    """Ansible's way to find the filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"sysprep_diagnose": sysprep_diagnose}
