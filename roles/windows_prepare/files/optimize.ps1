# goldenimage.azure script: windows_prepare/optimize
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Mounts a disk file, shortens the first start of the Windows in it, and always unmounts it.
[CmdletBinding(SupportsShouldProcess)]
param ([Parameter(Mandatory)][string]$Path)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $true

if ($PSCmdlet.ShouldProcess($Path, 'optimize')) {
    $null = Mount-DiskImage -ImagePath $Path
    try {
        $letters = @(Get-DiskImage -ImagePath $Path | Get-Disk | Get-Partition | ForEach-Object DriveLetter | Where-Object {
                $_ -and (Test-Path -LiteralPath "${_}:\Windows\System32\config\SYSTEM")
            })
        $code = $null
        if ($letters.Count -eq 1) {
            $output = & "$env:SystemRoot\System32\dism.exe" "/Image:$($letters[0]):\" /Optimize-Image /Boot
            $code = $LASTEXITCODE
        }
        $Ansible.Result = @{ systems = $letters.Count; code = $code; output = @($output | Select-Object -Last 20) }
    }
    finally {
        $null = Dismount-DiskImage -ImagePath $Path
    }
}
