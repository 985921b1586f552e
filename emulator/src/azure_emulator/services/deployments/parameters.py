# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parameters: what a template declares, and what a deployment gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_emulator.core.errors import ArmError
from azure_emulator.services.deployments.errors import TemplateError
from azure_emulator.services.deployments.language.errors import ExpressionError, RuntimeNeededError, kind
from azure_emulator.services.deployments.language.numbers import same
from azure_emulator.services.deployments.language.texts import shown

if TYPE_CHECKING:
    from collections.abc import Callable

#: Types in lower case: how they are shown, and which JSON values they take.
_TYPES: dict[str, tuple[str, type]] = {
    "string": ("String", str),
    "securestring": ("SecureString", str),
    "int": ("Int", int),
    "bool": ("Bool", bool),
    "object": ("Object", dict),
    "secureobject": ("SecureObject", dict),
    "array": ("Array", list),
}
_KINDS = {str: "String, Uri", int: "Integer", bool: "Boolean", dict: "Object", list: "Array"}
_SEE = "Please see https://aka.ms/arm-template/#parameters for usage details."


def declared(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The template's parameters, with what they take from ``definitions``.

    :raises TemplateError: for a declaration that is none.
    """
    result = {}
    for name, given in section(template, "parameters").items():
        declaration = resolved(template, given)
        if declaration is None or str(declaration.get("type", "")).lower() not in _TYPES:
            shown_type = declaration.get("type") if declaration else None
            raise TemplateError(
                f"The template parameter '{name}' at line '1' and column '1' is not valid: the type '{shown_type}' is not "
                f"supported. {_SEE}",
                f"properties.template.parameters.{name}",
            )
        result[name] = declaration
    return result


def resolved(template: dict[str, Any], given: Any) -> dict[str, Any] | None:
    """A declaration with the definitions that it refers to (``$ref``), ``None`` when it is no object."""
    for _ignored in range(10):
        if not isinstance(given, dict) or "$ref" not in given:
            break
        name = str(given["$ref"]).rpartition("/")[2]
        base = section(template, "definitions").get(name)
        given = {**base, **{k: v for k, v in given.items() if k != "$ref"}} if isinstance(base, dict) else None
    return given if isinstance(given, dict) else None


def section(template: dict[str, Any], name: str) -> dict[str, Any]:
    """An object of the template, ``{}`` when absent.

    :raises TemplateError: when it is something else.
    """
    value = template.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TemplateError(f"The template section '{name}' must be an object, not '{kind(value)}'", f"template.{name}")
    return value


def check_names(template: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse parameters that the template does not have."""
    known = [*section(template, "parameters")]
    if any(not name.strip() for name in given):
        raise ArmError(
            400,
            "InvalidDeploymentParameterKey",
            "One of the deployment parameters has an empty key. "
            "Please see https://aka.ms/resource-manager-parameter-files for details.",
        )
    lower = {name.lower() for name in known}
    unknown = [name for name in given if name.lower() not in lower]
    if unknown:
        raise TemplateError(
            f"The template parameters '{', '.join(unknown)}' in the parameters file are not valid; they are not present in "
            "the original template and can therefore not be provided at deployment time. The only supported parameters "
            f"for this template are '{', '.join(known)}'. Please see https://aka.ms/arm-pass-parameter-values for usage "
            "details."
        )


def value_of(
    name: str, declaration: dict[str, Any], given: dict[str, Any], compute: Callable[[Any], Any]
) -> tuple[bool, Any]:
    """Whether a parameter has a value, and which: the given one, or the default, computed and checked."""
    entry = next((item for key, item in given.items() if key.lower() == name.lower()), None)
    if entry is not None:
        value = _given(name, entry)
        if value is None and "defaultValue" in declaration:
            entry = None
    if entry is None:
        if "defaultValue" not in declaration:
            return (True, None) if declaration.get("nullable") is True else (False, None)
        try:
            value = compute(declaration["defaultValue"])
        except (ExpressionError, RuntimeNeededError) as error:
            raise TemplateError(
                f"The template parameter '{name}' is not valid: {error}.", f"properties.template.parameters.{name}"
            ) from None
    if value is None and declaration.get("nullable") is True:
        return True, None
    return True, _checked(name, declaration, value)


def missing(name: str) -> TemplateError:
    """A parameter without a value."""
    return TemplateError(
        f"The value for the template parameter '{name}' at line '1' and column '1' is not provided. "
        "Please see https://aka.ms/arm-create-parameter-file for usage details.",
        f"properties.template.parameters.{name}",
    )


def is_secure(declaration: dict[str, Any]) -> bool:
    return str(declaration["type"]).lower().startswith("secure")


def shown_type(declaration: dict[str, Any]) -> str:
    """``SecureString``: the type as deployments show it [recorded]."""
    return _TYPES[str(declaration["type"]).lower()][0]


def output_type(name: str) -> str | None:
    """The same for the type of an output, ``None`` when there is no such type."""
    found = _TYPES.get(name.lower())
    return found[0] if found else None


def fits(type_name: str, value: Any) -> bool:
    """Whether a value has a type."""
    wanted = _TYPES[type_name.lower()][1]
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


def _given(name: str, entry: Any) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("reference"), dict):
        vault = entry["reference"].get("keyVault")
        identity = vault.get("id") if isinstance(vault, dict) else None
        raise ArmError(
            400,
            "KeyVaultParameterReferenceNotFound",
            f"The specified KeyVault '{identity}' could not be found. "
            "Please see https://aka.ms/arm-keyvault for usage details.",
        )
    if not isinstance(entry, dict) or "value" not in entry:
        raise ArmError(
            400,
            "InvalidDeploymentParameterValue",
            f"The value of deployment parameter '{name}' is null. Please specify the value or use the parameter reference. "
            "See https://aka.ms/resource-manager-parameter-files for details.",
        )
    return entry["value"]


def _checked(name: str, declaration: dict[str, Any], value: Any) -> Any:
    type_name = str(declaration["type"]).lower()
    if not fits(type_name, value):
        raise TemplateError(
            "Template parameter JToken type is not valid. "
            f"Expected '{_KINDS[_TYPES[type_name][1]]}'. Actual '{kind(value)}'. "
            "Please see https://aka.ms/resource-manager-parameter-files for usage details.",
            f"properties.template.parameters.{name}",
        )
    allowed = declaration.get("allowedValues")
    if isinstance(allowed, list) and not _is_allowed(value, allowed):
        raise _not_valid(
            name,
            f" The value '{shown(value)[:200]}' is not part of the allowed value(s): "
            f"'{','.join(shown(item) for item in allowed)}'.",
        )
    size, what = (value, "Value") if _TYPES[type_name][1] is int else (_length(value), "Length of the value")
    suffix = "Value" if what == "Value" else "Length"
    least, most = declaration.get(f"min{suffix}"), declaration.get(f"max{suffix}")
    if size is not None and isinstance(least, int) and size < least:
        raise _not_valid(name, f" {what} should be greater than or equal to '{least}'.")
    if size is not None and isinstance(most, int) and size > most:
        raise _not_valid(name, f" {what} should be less than or equal to '{most}'.")
    return value


def _is_allowed(value: Any, allowed: list[Any]) -> bool:
    if isinstance(value, list):
        return same(value, allowed) or all(any(same(item, one) for one in allowed) for item in value)
    return any(same(value, one) for one in allowed)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (str, list)) else None


def _not_valid(name: str, why: str) -> TemplateError:
    return TemplateError(
        f"The provided value for the template parameter '{name}' is not valid.{why} {_SEE}",
        f"properties.template.parameters.{name}",
    )
