# goldenimage.azure script: windows_generalize/remove_task
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Removes the scheduled task that started Sysprep. start.ps1 does so itself, unless its session was lost before.
[CmdletBinding()]
param ()
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$found = @(Get-ScheduledTask | Where-Object { $_.TaskName -eq 'goldenimage-sysprep' })
foreach ($one in $found) {
    Unregister-ScheduledTask -TaskName $one.TaskName -TaskPath $one.TaskPath -Confirm:$false
    $Ansible.Changed = $true
}
$Ansible.Result = @{ removed = $found.Count }
