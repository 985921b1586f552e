# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk file as an inventory host, without booting it."""

from __future__ import annotations

DOCUMENTATION = r"""
name: disk_image
short_description: Run tasks inside a disk file, without booting it
version_added: 0.1.0
author:
  - goldenimage.azure contributors (@goldenimage)
description:
  - Makes the operating system on a disk file (raw, fixed VHD or qcow2) an inventory host. Its root file system, C(/boot)
    and whatever else its C(/etc/fstab) has on the disk are mounted privately, and modules run inside with their own
    C(/dev), C(/proc), C(/sys) and C(/run), the host's network, and the host's DNS servers.
  - No service is started. C(systemctl enable) and C(disable), package installation and changes of users and files work.
  - >-
    A process in private namespaces, the keeper, holds the mounts and a lock on the file from the first task on. It
    unmounts the disk when ansible ends, on C(meta: reset_connection), or when it has been idle for O(idle_timeout).
    After a crash or C(kill -9) of either, the kernel undoes the mounts, detaches the loop devices and ends what ran
    inside.
  - Needs Linux 5.8 or newer, and root on the control node.
notes:
  - Tasks run as root. For another O(ignore:become_user), set C(become_method) to V(ansible.builtin.su) where the
    image has no sudo.
  - Only one play at a time can have a disk open for writing. Several can look at it with O(read_only).
  - >-
    Ansible ends a moment before the keeper has unmounted the disk. Another play waits for that; before other programs
    use the file, end the play with C(meta: reset_connection).
options:
  remote_addr:
    description: Absolute path of the disk file.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_disk_image_path
  remote_user:
    description: Tasks always run as this user; becoming it needs no privilege escalation.
    default: root
    choices: [root]
  executable:
    description: The shell inside the disk that runs the commands.
    default: /bin/sh
    vars:
      - name: ansible_executable
      - name: ansible_disk_image_executable
  format:
    description:
      - The disk file's format. V(auto) tells it from the content.
      - V(vhdx), V(vmdk) and dynamic VHDs can only be opened with O(read_only); convert them with
        M(goldenimage.azure.vhd_convert) to change them.
    default: auto
    choices: [auto, raw, vhd, qcow2, vhdx, vmdk]
    vars:
      - name: ansible_disk_image_format
    env:
      - name: ANSIBLE_DISK_IMAGE_FORMAT
    ini:
      - section: disk_image_connection
        key: format
  root_partition:
    description:
      - The partition with the root file system, by its number, name, UUID, or by its file system's label or UUID.
      - Without it, the partition that is declared as root by its type, or else the only one with an
        C(/etc/os-release).
    type: str
    default: ''
    vars:
      - name: ansible_disk_image_root_partition
    env:
      - name: ANSIBLE_DISK_IMAGE_ROOT_PARTITION
    ini:
      - section: disk_image_connection
        key: root_partition
  esp:
    description:
      - What to do with the EFI system partition. V(auto) mounts it if the kernel can (vfat) and warns if it cannot,
        V(require) fails then, V(skip) leaves it alone.
    default: auto
    choices: [auto, require, skip]
    vars:
      - name: ansible_disk_image_esp
    env:
      - name: ANSIBLE_DISK_IMAGE_ESP
    ini:
      - section: disk_image_connection
        key: esp
  dns:
    description:
      - V(host) puts a copy of the control node's C(/etc/resolv.conf) over the system's own, which is neither changed
        nor reachable meanwhile. V(image) leaves it alone.
    default: host
    choices: [host, image]
    vars:
      - name: ansible_disk_image_dns
    env:
      - name: ANSIBLE_DISK_IMAGE_DNS
    ini:
      - section: disk_image_connection
        key: dns
  read_only:
    description:
      - Leave every byte of the disk file as it is. Modules can still write; what they write is kept in memory
        and thrown away.
    type: bool
    default: false
    vars:
      - name: ansible_disk_image_read_only
    env:
      - name: ANSIBLE_DISK_IMAGE_READ_ONLY
    ini:
      - section: disk_image_connection
        key: read_only
  idle_timeout:
    description: Seconds without a task after which the disk is unmounted; the next task mounts it again. V(0) is never.
    type: float
    default: 300
    vars:
      - name: ansible_disk_image_idle_timeout
    env:
      - name: ANSIBLE_DISK_IMAGE_IDLE_TIMEOUT
    ini:
      - section: disk_image_connection
        key: idle_timeout
  trim:
    description: >-
      Before unmounting, give the file systems' unused blocks back, so that they become holes in the disk file. An
      upload skips them then.
    type: bool
    default: false
    vars:
      - name: ansible_disk_image_trim
    env:
      - name: ANSIBLE_DISK_IMAGE_TRIM
    ini:
      - section: disk_image_connection
        key: trim
  pipelining:
    description: Feed modules to Python instead of copying them into the disk first.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
      - name: ansible_disk_image_pipelining
    env:
      - name: ANSIBLE_DISK_IMAGE_PIPELINING
    ini:
      - section: disk_image_connection
        key: pipelining
"""

EXAMPLES = r"""
---
# inventory.yml
all:
  hosts:
    debian12:
      ansible_connection: goldenimage.azure.disk_image
      ansible_host: /srv/images/debian12.raw
    look_only:
      ansible_connection: goldenimage.azure.disk_image
      ansible_host: /srv/images/appliance.vhd
      ansible_disk_image_read_only: true

---
# A play that leaves the disk file free for what follows
- name: Prepare a disk
  hosts: debian12
  tasks:
    - name: Install the agent
      ansible.builtin.apt:
        name: waagent

    - name: Unmount the disk
      ansible.builtin.meta: reset_connection
"""

import os  # noqa: E402
import stat  # noqa: E402
from typing import Any  # noqa: E402

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound  # noqa: E402
from ansible.plugins.connection import ConnectionBase, ensure_connect  # noqa: E402
from ansible.utils.display import Display  # noqa: E402
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.client import Client, Settings  # noqa: E402
from ansible_collections.goldenimage.azure.plugins.plugin_utils._disk_keeper.errors import DiskImageError  # noqa: E402

display = Display()


class Connection(ConnectionBase):
    """Runs everything through the keeper process of the disk file."""

    transport = "goldenimage.azure.disk_image"
    has_pipelining = True
    has_tty = False

    def __init__(self, play_context: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(play_context, *args, **kwargs)
        # In a worker Ansible says who its parent is; 'meta: reset_connection' runs in that parent itself.
        self._ansible_pid = int(kwargs.get("ansible_playbook_pid") or os.getpid())
        self._client: Client | None = None

    def _connect(self) -> Connection:
        if not self._connected:
            path = self._disk_path()
            try:
                self._client = Client(self._settings(path), self._ansible_pid)
                for warning in self._client.open():
                    display.warning(f"{path}: {warning}")
            except DiskImageError as error:
                raise AnsibleConnectionFailure(str(error)) from error
            display.vvv("OPENED THE DISK FILE", host=path)
            self._connected = True
        return self

    def _disk_path(self) -> str:
        """The disk file, after the checks that need neither the file's content nor the keeper."""
        given = str(self.get_option("remote_addr"))
        path = os.path.realpath(os.path.expanduser(given))
        if not given.startswith(("/", "~")):
            raise AnsibleConnectionFailure(
                f"ansible_host is {given!r}, which is not an absolute path. Give the path of the disk file, for "
                "example '{{ inventory_dir }}/disk.vhd'."
            )
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            raise AnsibleConnectionFailure(f"The disk file {given} (ansible_host): {error.strerror}.") from error
        if not stat.S_ISREG(mode):
            raise AnsibleConnectionFailure(
                f"ansible_host is {given}, which is not a regular file. Give the path of a disk file."
            )
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure(
                "The disk_image connection needs root on the control node, to mount the disk. Run ansible as root, "
                "for example 'sudo --preserve-env=PATH ansible-playbook …'."
            )
        return path

    def _settings(self, path: str) -> Settings:
        names = ("format", "root_partition", "esp", "dns", "read_only", "idle_timeout", "trim")
        # Plain values: options can be tagged strings, which are not for other processes.
        values: dict[str, Any] = {name: self.get_option(name) for name in names}
        return Settings(
            path=path, **{name: str(value) if isinstance(value, str) else value for name, value in values.items()}
        )

    def _opened(self) -> Client:
        if self._client is None:
            raise AnsibleError("The disk_image connection is not open.")
        return self._client

    @ensure_connect
    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        display.vvv(f"EXEC {cmd}", host=self._disk_path())
        try:
            return self._opened().execute(cmd, self.get_option("executable"), in_data)
        except DiskImageError as error:
            raise AnsibleConnectionFailure(str(error)) from error

    @ensure_connect
    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self._disk_path())
        if not os.path.exists(in_path):
            raise AnsibleFileNotFound(f"The file {in_path} does not exist on the control node.")
        self._copied(self._opened().put, in_path, out_path)

    @ensure_connect
    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self._disk_path())
        self._copied(self._opened().fetch, in_path, out_path)

    def _copied(self, copy: Any, source: str, target: str) -> None:
        try:
            problem = copy(source, target)
        except DiskImageError as error:
            raise AnsibleConnectionFailure(str(error)) from error
        if problem:
            raise AnsibleError(f"Copying {source} to {target} failed: {problem}")

    def reset(self) -> None:
        """Unmount the disk and wait until its file is free."""
        try:
            path = self._disk_path()
            Client(self._settings(path), self._ansible_pid).close()
        except DiskImageError as error:
            raise AnsibleConnectionFailure(str(error)) from error
        self._connected = False

    def close(self) -> None:
        """Nothing to do: the keeper serves the next task too."""
        self._connected = False
