# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter as Ansible finds it."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.goldenimage.azure.plugins.filter import sysprep_diagnose

LINE = "2026-02-11 09:14:03, Error      [0x0f0073] SYSPRP RunExternalDlls:Not running DLLs, dwRet = 31"
FILTER = sysprep_diagnose.FilterModule().filters()["sysprep_diagnose"]


def test_one_text_or_a_dictionary_of_them() -> None:
    one, many = FILTER(LINE), FILTER({"setuperr.log": LINE, "setupact.log": None})
    assert one["failures"][0]["id"] == many["failures"][0]["id"] == "state.half_done"
    assert one["failures"][0]["evidence"][0]["file"] == "log"
    assert many["failures"][0]["evidence"][0]["file"] == "setuperr.log"


@pytest.mark.parametrize("given", [LINE, "", {"setupact.log": ""}, [LINE, LINE]])
def test_the_result_is_as_documented_and_fits_into_json(given: object) -> None:
    found = FILTER(given)
    documented = yaml.safe_load(sysprep_diagnose.RETURN)["_value"]["contains"]
    assert set(found) == set(documented)
    json.dumps(found)
    text = " ".join(documented["failures"]["description"])
    for each in found["failures"]:
        assert set(each) <= set(re.findall(r"ignore:(\w+)\)", text))


def test_bad_input_is_refused_in_words() -> None:
    with pytest.raises(AnsibleFilterError, match=r"sysprep_diagnose: The log log is int, not text"):
        FILTER(4)


def test_the_documentation_names_the_filter() -> None:
    assert yaml.safe_load(sysprep_diagnose.DOCUMENTATION)["name"] == "sysprep_diagnose"
    assert all("goldenimage.azure.sysprep_diagnose" in str(each) for each in [sysprep_diagnose.EXAMPLES])
