# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The expression language: values, errors in ARM's words, and nothing but values and errors for whatever is written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError
from azure_emulator.services.deployments.language.evaluate import Evaluator
from azure_emulator.services.deployments.language.table import FUNCTIONS

_PARAMETERS: dict[str, Any] = {"list": [1, "two", None], "Map": {"Key": {"inner": 7}}, "text": "Hello", "flag": True}


def _parameters(_name: str, arguments: list[Any]) -> Any:
    if len(arguments) == 1 and isinstance(arguments[0], str) and arguments[0] in _PARAMETERS:
        return _PARAMETERS[arguments[0]]
    raise ExpressionError("no such parameter")


def _reference(name: str, _arguments: list[Any]) -> Any:
    raise RuntimeNeededError(name)


def _nothing(_name: str, _arguments: list[Any]) -> Any:
    return NotImplemented


EVALUATOR = Evaluator({"parameters": _parameters, "reference": _reference}, _nothing)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("plain", "plain"),
        ("[[not an expression]", "[not an expression]"),
        ("[open", "[open"),
        ("['it''s']", "it's"),
        ("[concat('a', 1, true())]", "a1True"),
        ("[concat(createArray(1), createArray('b'))]", [1, "b"]),
        ("[parameters('list')[1]]", "two"),
        ("[parameters('Map').KEY.inner]", 7),
        ("[parameters('Map').?absent]", None),
        ("[parameters('list')[?9]]", None),
        ("[toUpper(toLower('ABC'))]", "ABC"),
        ("[replace('a-b-c', '-', '')]", "abc"),
        ("[substring('abcdef', 2, 3)]", "cde"),
        ("[substring('abc', 1)]", "bc"),
        ("[split('a,b;c', createArray(',', ';'))]", ["a", "b", "c"]),
        ("[join(createArray('a', 'b'), '/')]", "a/b"),
        ("[trim('  a ')]", "a"),
        ("[length(parameters('list'))]", 3),
        ("[first('abc')]", "a"),
        ("[last(createArray(1, 2))]", 2),
        ("[first(createArray())]", None),
        ("[take('abcdef', 2)]", "ab"),
        ("[skip(createArray(1, 2, 3), 2)]", [3]),
        ("[empty('')]", True),
        ("[contains('Hello', 'ell')]", True),
        ("[contains(createObject('Key', 1), 'kEY')]", True),
        ("[contains(createArray(1), true())]", False),
        ("[startsWith('Hello', 'hE')]", True),
        ("[endsWith('Hello', 'LO')]", True),
        ("[indexOf('Hello', 'L')]", 2),
        ("[lastIndexOf('Hello', 'l')]", 3),
        ("[add(mul(2, 3), sub(1, 5))]", 2),
        ("[div(-7, 2)]", -3),
        ("[mod(-7, 2)]", -1),
        ("[min(3, 1, 2)]", 1),
        ("[max(createArray(3, 1))]", 3),
        ("[int('-42')]", -42),
        ("[int(' +7 ')]", 7),
        ("[lessOrEquals(2, 1)]", False),
        ("[string(createObject('a', createArray(1, null())))]", '{"a":[1,null]}'),
        ("[bool('TRUE')]", True),
        ("[equals(1, true())]", False),
        ("[equals(createObject('a', 1), createObject('a', 1))]", True),
        ("[and(not(false()), or(false(), less('a', 'b')))]", True),
        ("[greaterOrEquals(2, 2)]", True),
        ("[if(true(), 'yes', reference('never'))]", "yes"),
        ("[coalesce(null(), 'b')]", "b"),
        ("[union(createArray(1, 2), createArray(2, 3))]", [1, 2, 3]),
        (
            "[union(createObject('a', createObject('b', 1)), createObject('A', createObject('c', 2)))]",
            {"a": {"b": 1, "c": 2}},
        ),
        ("[intersection(createArray(1, 2, 3), createArray(3, 2))]", [2, 3]),
        ("[range(5, 3)]", [5, 6, 7]),
        ("[json('{\"a\": [1]}').a[0]]", 1),
        ("[base64('one')]", "b25l"),
        ("[base64ToString('b25l')]", "one"),
        ("[base64ToJson(base64('[1]'))]", [1]),
        ("[uri('http://contoso.org/firstpath/', 'myscript.sh')]", "http://contoso.org/firstpath/myscript.sh"),
        ("[uriComponent('a b/c')]", "a%20b%2Fc"),
        ("[uriComponentToString('a%20b')]", "a b"),
        ("[format('{0}-{1:D3}, {{{2,4}}}', 'x', 7, 'y')]", "x-007, {   y}"),
        ("[format('{0:N0} {1:X}', 1234567, 255)]", "1,234,567 FF"),
        ("[padLeft(7, 3, '0')]", "007"),
        ("[array('a')]", ["a"]),
        ("[items(createObject('b', 2, 'a', 1))]", [{"key": "a", "value": 1}, {"key": "b", "value": 2}]),
        ("[tryGet(parameters('Map'), 'key', 'inner')]", 7),
    ],
)
def test_value(expression: str, value: Any) -> None:
    assert EVALUATOR.value(expression) == value
    assert type(EVALUATOR.value(expression)) is type(value)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("[foo()]", "The template function 'foo' is not valid."),
        ("[concat('a']", "expected token 'RightParenthesis' and actual 'EndOfData'"),
        ("[concat('a') 'b']", "expected token 'EndOfData' and actual 'StringLiteral'"),
        ("[parameters]", "expected token 'LeftParenthesis' and actual 'EndOfData'"),
        ("[]", "expected token 'Identifier' and actual 'EndOfData'"),
        ("[concat('a', %)]", "the string character '%' at position"),
        (
            "[parameters('Map').absent]",
            "The language expression property 'absent' doesn't exist, available properties are 'Key'",
        ),
        ("[parameters('list')[9]]", "The language expression property array index '9' is out of bounds."),
        ("[parameters('text').x]", "The language expression property 'x' can't be evaluated"),
        (
            "[add(1)]",
            "Unable to evaluate template language function 'add': function requires 2 argument(s) while 1 were provided.",
        ),
        ("[length(1)]", "expects its parameter to be an array, an object, or a string"),
        ("[div(1, 0)]", "the divisor must not be zero"),
        ("[mul(9223372036854775807, 2)]", "out of the range"),
        ("[base64ToString('%%')]", "not a valid base64"),
        ("[json('{')]", "not valid JSON"),
        ("[substring('abc', 2, 5)]", "must refer to a location within the string"),
        ("[range(0, 10001)]", "the count must be from 0 to 10000"),
        ("[int('-+5')]", "the value '-+5' cannot be converted to an integer."),
        ("[less('a', 1)]", "expects its parameter to be a string"),
        ("[less(1, 'a')]", "expects its parameter to be an integer"),
        ("[copyIndex()]", "The template function 'copyIndex' is not expected at this location."),
        ("[if(1, 2, 3)]", "expects its parameter to be a boolean"),
        (f"[concat('{'x' * 30000}')]", "length limit exceeded"),
        ("[" + "concat(" * 200 + "'a'" + ")" * 200 + "]", "nested too deeply"),
    ],
)
def test_error(expression: str, words: str) -> None:
    with pytest.raises(ExpressionError) as error:
        EVALUATOR.value(expression)
    assert words in str(error.value)


def test_what_needs_resources_says_so() -> None:
    with pytest.raises(RuntimeNeededError, match="'reference' is not expected at this location"):
        EVALUATOR.value({"a": ["[reference('x').y]"]})


def test_unique_strings_and_guids_depend_on_all_arguments_and_on_nothing_else() -> None:
    one, other = EVALUATOR.value("[uniqueString('a', 'b')]"), EVALUATOR.value("[uniqueString('a', 'c')]")
    assert one != other
    assert one == EVALUATOR.value("[uniqueString('a', 'b')]")
    assert len(one) == 13
    assert set(one) <= set("abcdefghijklmnopqrstuvwxyz234567")
    assert EVALUATOR.value("[guid('a')]") == EVALUATOR.value("[guid('a')]") != EVALUATOR.value("[guid('b')]")


def test_copies_in_properties_are_unrolled() -> None:
    given = {
        "copy": [
            {"name": "disks", "count": "[add(1, 1)]", "input": {"lun": "[copyIndex('disks')]", "at": "[copyIndex(5)]"}}
        ]
    }
    assert EVALUATOR.value({**given, "x": 1}) == {"disks": [{"lun": 0, "at": 5}, {"lun": 1, "at": 6}], "x": 1}


def test_values_cannot_grow_without_bounds() -> None:
    deep = "json('" + "[" * 90 + "]" * 90 + "')"
    # Three million characters: each of 200 becomes 16384.
    long = "replace(padLeft('', 200, 'a'), 'a', padLeft('', 16384, 'b'))"
    for expression, words in (
        (deep, "exceeded the limit"),
        (f"concat({long}, {long})", "exceeded the limit"),
        (f"createArray({long}, {long})", "exceeded the limit"),
        (f"replace({long}, 'b', 'bb')", "the result is too long"),
    ):
        with pytest.raises(ExpressionError, match=words):
            EVALUATOR.value(f"[{expression}]")


_leaf = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.text(max_size=12).map(lambda text: "'" + text.replace("'", "''") + "'"),
    st.sampled_from(["true()", "null()", "createArray()", "createObject()", "parameters('list')", "parameters('Map')"]),
    st.sampled_from(["reference('x')", "copyIndex()", "json('1.5')", "json('[1e300,{}]')", "foo()", "a.b()"]),
)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    names = st.sampled_from([*(entry.name for entry in FUNCTIONS.values()), "if", "and", "or"])
    called = st.tuples(names, st.lists(inner, max_size=4)).map(lambda made: f"{made[0]}({', '.join(made[1])})")
    accessed = st.tuples(inner, inner, st.sampled_from(["", "?"])).map(lambda made: f"{made[0]}[{made[2]}{made[1]}]")
    return st.one_of(called, accessed, st.tuples(inner, st.sampled_from([".Key", ".?x"])).map("".join))


@settings(max_examples=200, deadline=None)
@given(st.recursive(_leaf, _grown, max_leaves=12))
def test_any_call_gives_a_value_or_an_error(expression: str) -> None:
    _value_or_error(f"[{expression}]")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="[]()'.,?-+ \tabc019éß\x00_$", max_size=40))
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    _value_or_error(text)
    _value_or_error(f"[{text}]")


_json = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(["[copyIndex()]", "[add(1,'')]"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(max_size=6), st.sampled_from(["copy", "name", "count", "input"])), inner, max_size=4
        ),
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(_json)
def test_any_json_gives_a_value_or_an_error(value: Any) -> None:
    _value_or_error(value)


def _value_or_error(given_value: Any) -> None:
    try:
        value = EVALUATOR.value(given_value)
    except (ExpressionError, RuntimeNeededError):
        return
    assert value is None or isinstance(value, (str, int, float, list, dict))
