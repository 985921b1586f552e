# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module vm_capture does: an image of a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.goldenimage.azure.plugins.module_utils._azure import ids
from ansible_collections.goldenimage.azure.plugins.module_utils._errors import InvalidInput
from ansible_collections.goldenimage.azure.plugins.module_utils._plan import Plan
from ansible_collections.goldenimage.azure.plugins.module_utils._resources import (
    disks,
    generalizing,
    managed_images,
    virtual_machines,
)
from ansible_collections.goldenimage.azure.plugins.module_utils._resources._shape import Wire, present

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ansible_collections.goldenimage.azure.plugins.module_utils._azure.session import Session
    from ansible_collections.goldenimage.azure.plugins.module_utils._runtime import Task

# What an image was captured from. A machine may be deleted afterwards, and a re-run must still know its image.
SOURCE_TAG, KIND_TAG = "goldenimage_source_vm", "goldenimage_kind"


def capture(task: Task) -> dict[str, Any]:
    """Bring the machine to rest, mark it if asked to, and make the image; or find that the image is there."""
    params, azure = task.params, task.azure
    group, name = params["resource_group"], params["name"]
    image_group = params["image_resource_group"] or group
    vm = virtual_machines.read(azure, group, name)
    image = managed_images.settled(azure, image_group, params["image"])
    tags = {**(task.tags((image or {}).get("tags")) or {}), **_marks(task)}
    if image is not None:
        return _existing(task, vm, image, image_group, tags)
    if vm is None:
        raise InvalidInput(
            f"There is no machine {name} in the resource group {group}, and no image {params['image']} either.",
            remedy="Check name and resource_group.",
        )
    _check(azure, vm, params, image_group)
    rest = _rest(task, vm)
    wanted = _wanted(azure, vm, params, tags)
    plan = Plan.between(None, {"name": params["image"], **present(wanted), "source_vm": rest.after})
    if not task.check_mode:
        vm = generalizing.apply(task, rest, group, name) if rest.changed else vm
        image = managed_images.apply(task, plan, image_group, params["image"], wanted)
    return task.result(plan, image=present(image or {"name": params["image"], **wanted}), source_vm=_outcome(name, vm))


def _check(azure: Session, vm: Wire, params: Mapping[str, Any], image_group: str) -> None:
    """Everything that would make Azure refuse the image after the machine was used up.

    :raises InvalidInput: naming it.
    """
    azure.resources.location(image_group)
    if not managed_images.NAME.fullmatch(params["image"]):
        raise InvalidInput(
            f"image is {params['image']!r}, which cannot be the name of an image.",
            remedy="Use letters, digits, _, . and -, up to 80, beginning with a letter or digit, not ending with . or -.",
        )
    managed_images.check_machine(vm)


def _marks(task: Task) -> dict[str, str]:
    vm_id = ids.build(
        task.azure.subscription_id, task.params["resource_group"], virtual_machines.TYPE, task.params["name"]
    )
    return {SOURCE_TAG: str(vm_id), KIND_TAG: f"{task.params['os_state']} {task.params['kind']}"}


def _existing(task: Task, vm: Wire | None, image: Wire, group: str, tags: dict[str, str]) -> dict[str, Any]:
    """The image is there: it is the one that is wanted, or the task must fail, for an image cannot change."""
    have, marks, params = image.get("tags") or {}, _marks(task), task.params
    if not ids.same(have.get(SOURCE_TAG), marks[SOURCE_TAG]) or have.get(KIND_TAG) != marks[KIND_TAG]:
        what = (
            f"a {have[KIND_TAG]} of {have.get(SOURCE_TAG)}" if have.get(KIND_TAG) else "no image that vm_capture made"
        )
        raise InvalidInput(
            f"The image {params['image']} exists, and it is {what}.",
            remedy="Choose another name, or delete that image first.",
        )
    wanted = {"tags": tags if params["tags"] is not None else have}
    plan = Plan.between(present(image), wanted)
    if plan.changed and not task.check_mode:
        image = managed_images.apply(task, plan, group, params["image"], wanted) or image
    return task.result(plan, image=present(image), source_vm=_outcome(params["name"], vm))


def _rest(task: Task, vm: Wire) -> Plan:
    """What must happen to the machine before it can be captured.

    :raises InvalidInput: it runs and may not be stopped, or is not generalized and may not be marked.
    """
    params = task.params
    generalized = virtual_machines.is_generalized(vm)
    wants = params["os_state"] == "generalized"
    if wants and not generalized and not params["generalize"]:
        raise InvalidInput(
            f"The machine {vm['name']} is not generalized.",
            remedy="Generalize its operating system (role linux_generalize) and set generalize, or capture it as specialized.",
        )
    if not wants and generalized:
        raise InvalidInput(
            f"The machine {vm['name']} is generalized, so it has no identity that a specialized image could keep.",
            remedy="Set os_state to generalized.",
        )
    return generalizing.plan(vm, power_off=params["power_off"], deallocate=True, mark=wants)


def _wanted(azure: Session, vm: Wire, params: Mapping[str, Any], tags: dict[str, str]) -> Wire:
    """The image as ARM wants it."""
    properties, storage = vm["properties"], vm["properties"]["storageProfile"]
    options = {"hyper_v_generation": _generation(azure, vm), "zone_resilient": params["zone_resilient"]}
    where = {"location": vm["location"], "tags": tags}
    if params["os_state"] == "generalized" and params["kind"] == "vm_image":
        return managed_images.from_machine(vm["id"], options, **where)
    state = {"osType": storage["osDisk"]["osType"], "osState": params["os_state"].capitalize()}
    os_disk = managed_images.image_disk(_disk_id(storage["osDisk"]), caching=storage["osDisk"].get("caching"), **state)
    others = properties["storageProfile"].get("dataDisks") or [] if params["kind"] == "vm_image" else []
    data = [managed_images.image_disk(_disk_id(disk), lun=disk["lun"], caching=disk.get("caching")) for disk in others]
    return managed_images.from_disks(os_disk, data, options, **where)


def _disk_id(disk: Wire) -> str:
    return str(disk["managedDisk"]["id"])


def _generation(azure: Session, vm: Wire) -> str | None:
    """The machine's generation, which its OS disk tells also while it does not run."""
    disk_id = virtual_machines.os_disk_id(vm)
    if disk_id is None:
        return None
    where = ids.parse(disk_id)
    disk = disks.read(azure, where.resource_group, where.name) or {}
    told = disk.get("properties", {}).get("hyperVGeneration")
    return str(told) if told else None


def _outcome(name: str, vm: Wire | None) -> dict[str, Any]:
    if vm is None:
        message = f"The machine {name} does not exist any more; its image does not need it."
        return {
            "name": name,
            "exists": False,
            "power_state": None,
            "generalized": None,
            "can_start": False,
            "message": message,
        }
    generalized = virtual_machines.is_generalized(vm)
    state = virtual_machines.power_state(vm)
    if generalized:
        message = (
            f"The machine {name} is generalized and can never start again. Delete it when you no longer need its disks."
        )
    else:
        message = f"The machine {name} is {state} and can start again; the image has the same identity as it."
    return {
        "name": name,
        "exists": True,
        "power_state": state,
        "generalized": generalized,
        "can_start": not generalized,
        "message": message,
    }
