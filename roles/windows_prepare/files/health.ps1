# goldenimage.azure script: windows_prepare/health
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Looks at Windows' own files, with -Repair also mends them, and reports what came out.
[CmdletBinding()]
param ([switch]$Repair)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$image = "$((Repair-WindowsImage -Online -CheckHealth).ImageHealthState)"
$mended = $image
if ($Repair -and $image -eq 'Repairable') {
    $mended = "$((Repair-WindowsImage -Online -RestoreHealth).ImageHealthState)"
}
# sfc's own words are translated; what it writes into this log is not.
$log = Join-Path -Path $env:SystemRoot -ChildPath 'Logs\CBS\CBS.log'
$start = Get-Date
$null = & "$env:SystemRoot\System32\sfc.exe" $(if ($Repair) { '/scannow' } else { '/verifyonly' })
$code = $LASTEXITCODE
$lines = Get-Content -LiteralPath $log -ErrorAction SilentlyContinue | Where-Object {
    $_ -match '^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),.*\[SR\]' -and [datetime]$Matches[1] -ge $start.AddSeconds(-1)
}
$Ansible.Result = @{
    image_before = $image
    image_after = $mended
    sfc_code = $code
    sfc_lines = @($lines | Select-Object -Last 200)
    volume = "$(Repair-Volume -DriveLetter $env:SystemDrive[0] -Scan)"
}
