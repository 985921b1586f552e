# goldenimage.azure script: windows_generalize/decrypt
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Begins to decrypt every volume that is not decrypted, and says how far each is; 0 is fully decrypted. The role waits.
# ConversionStatus and Decrypt: Win32_EncryptableVolume in Microsoft's documentation of BitLocker's WMI provider.
[CmdletBinding()]
param ()
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$decrypting = 3
$volumes = @(Get-CimInstance -Namespace 'root\CIMV2\Security\MicrosoftVolumeEncryption' -ClassName Win32_EncryptableVolume)
$Ansible.Result = @{
    volumes = @($volumes | ForEach-Object {
            $mount = $_.DriveLetter
            if (-not $mount) { $mount = $_.DeviceID }
            $status = Invoke-CimMethod -InputObject $_ -MethodName GetConversionStatus
            if ($status.ReturnValue -ne 0) {
                throw ('{0}: its state cannot be read (0x{1:x8}); unlock it first' -f $mount, $status.ReturnValue)
            }
            if ($status.ConversionStatus -notin 0, $decrypting) {
                $answer = Invoke-CimMethod -InputObject $_ -MethodName Decrypt
                if ($answer.ReturnValue -ne 0) { throw ('{0}: Decrypt answered 0x{1:x8}' -f $mount, $answer.ReturnValue) }
                $Ansible.Changed = $true
            }
            @{ mount = $mount; conversion = [int]$status.ConversionStatus; percent = [int]$status.EncryptionPercentage }
        })
}
