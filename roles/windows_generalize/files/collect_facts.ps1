# goldenimage.azure script: windows_generalize/collect_facts
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Raw facts about this Windows, for the filter goldenimage.azure.sysprep_preflight. It only reads, and decides nothing.
# Windows PowerShell 5.1 and later. With ansible.windows.win_powershell (depth: 6) the facts are the task's result,
# otherwise they are written as JSON.
#
# What each fact is: plugins/module_utils/_sysprep/shape.py. A registry value that is not there is 'absent'. Nothing here
# parses text that Windows translates: everything comes from the registry, from CIM, or from .NET.

# With this win_powershell runs it in check mode as well; nothing here would have to be held back.
[CmdletBinding(SupportsShouldProcess)]
param()

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$absent = 'absent'
$windows = [Environment]::GetFolderPath('Windows')
$system32 = [Environment]::SystemDirectory
$drive = [IO.Path]::GetPathRoot($windows)
# A 32-bit process would be shown another part of the registry without this.
$machine = [Microsoft.Win32.RegistryKey]::OpenBaseKey(
    [Microsoft.Win32.RegistryHive]::LocalMachine, [Microsoft.Win32.RegistryView]::Registry64)
$users = [Microsoft.Win32.RegistryKey]::OpenBaseKey(
    [Microsoft.Win32.RegistryHive]::Users, [Microsoft.Win32.RegistryView]::Registry64)
$control = 'SYSTEM\CurrentControlSet\Control'
$services = 'SYSTEM\CurrentControlSet\Services'
$current = 'SOFTWARE\Microsoft\Windows\CurrentVersion'
$currentNt = 'SOFTWARE\Microsoft\Windows NT\CurrentVersion'

function Test-MachineKey {
    param([string]$Path)
    $null -ne $machine.OpenSubKey($Path)
}

function Get-MachineSubkey {
    param([string]$Path)
    $key = $machine.OpenSubKey($Path)
    if ($null -ne $key) { $key.GetSubKeyNames() }
}

function Get-MachineValueName {
    param([string]$Path)
    $key = $machine.OpenSubKey($Path)
    if ($null -ne $key) { $key.GetValueNames() }
}

function Get-MachineValue {
    param([string]$Path, [string]$Name)
    $key = $machine.OpenSubKey($Path)
    if ($null -eq $key) { return $absent }
    $value = $key.GetValue($Name, $null, [Microsoft.Win32.RegistryValueOptions]::DoNotExpandEnvironmentNames)
    if ($null -eq $value) { return $absent }
    $value
}

# A number that is missing must not become 0, which is what a conversion would make of it.
function Get-Number {
    param($Value, [string]$Name)
    if ($null -eq $Value) { throw "$Name has no value" }
    [int64]$Value
}

function Get-Property {
    param($Item, [string]$Name)
    $property = $Item.PSObject.Properties[$Name]
    if ($null -eq $property -or [string]::IsNullOrEmpty([string]$property.Value)) { return $absent }
    [string]$property.Value
}

# Instances of a class that this Windows may not have. That is known by the code of the error, not by its text.
function Get-OptionalInstance {
    param([string]$Namespace, [string]$Class)
    try {
        @{ exists = $true; instances = @(Get-CimInstance -Namespace $Namespace -ClassName $Class) }
    }
    catch [Microsoft.Management.Infrastructure.CimException] {
        if (@('InvalidNamespace', 'InvalidClass', 'NotFound') -notcontains [string]$_.Exception.NativeErrorCode) { throw }
        @{ exists = $false; instances = @() }
    }
}

# Encrypted files and folders below a folder; junctions are not followed.
function Get-EncryptedItem {
    param([string]$Path, [int]$Depth, [hashtable]$Found)
    try {
        $items = @([IO.DirectoryInfo]::new($Path).GetFileSystemInfos())
    }
    catch [UnauthorizedAccessException] {
        $Found.unread += $Path
        return
    }
    foreach ($item in $items) {
        if ($Found.files.Count -ge 20) { return }
        if ($item.Attributes -band [IO.FileAttributes]::ReparsePoint) { continue }
        if ($item.Attributes -band [IO.FileAttributes]::Encrypted) { $Found.files += $item.FullName; continue }
        if ($Depth -gt 1 -and $item -is [IO.DirectoryInfo]) {
            Get-EncryptedItem -Path $item.FullName -Depth ($Depth - 1) -Found $Found
        }
    }
}

# Each section is a block that gives one object. They are run at the end, each guarded by itself.
$sections = [ordered]@{
    os             = {
        @{
            edition           = Get-MachineValue $currentNt 'EditionID'
            installation_type = Get-MachineValue $currentNt 'InstallationType'
            build             = [int](Get-MachineValue $currentNt 'CurrentBuildNumber')
            architecture      = Get-MachineValue "$control\Session Manager\Environment" 'PROCESSOR_ARCHITECTURE'
            product_type      = Get-MachineValue "$control\ProductOptions" 'ProductType'
            upgraded_from     = @(Get-MachineSubkey 'SYSTEM\Setup' | Where-Object { $_ -like 'Source OS*' } | ForEach-Object {
                    $name = Get-MachineValue "SYSTEM\Setup\$_" 'ProductName'
                    $build = Get-MachineValue "SYSTEM\Setup\$_" 'CurrentBuild'
                    "$name, build $build"
                })
        }
    }

    session        = {
        $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
        $principal = [Security.Principal.WindowsPrincipal]::new($identity)
        @{
            is_system        = $identity.IsSystem
            is_administrator = $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
            is_64bit         = [Environment]::Is64BitProcess
        }
    }

    setup          = {
        $status = 'SYSTEM\Setup\Status\SysprepStatus'
        @{
            image_state          = Get-MachineValue "$current\Setup\State" 'ImageState'
            generalization_state = Get-MachineValue $status 'GeneralizationState'
            cleanup_state        = Get-MachineValue $status 'CleanupState'
            setup_in_progress    = Get-MachineValue 'SYSTEM\Setup' 'SystemSetupInProgress'
            oobe_in_progress     = Get-MachineValue 'SYSTEM\Setup' 'OOBEInProgress'
            unattend_file        = Get-MachineValue 'SYSTEM\Setup' 'UnattendFile'
        }
    }

    sysprep        = {
        $folder = "$system32\Sysprep"
        $log = [IO.FileInfo]::new("$folder\Panther\setuperr.log")
        $bytes = 0
        if ($log.Exists) { $bytes = $log.Length }
        @{
            executable      = [IO.File]::Exists("$folder\sysprep.exe")
            running         = @([Diagnostics.Process]::GetProcessesByName('sysprep')).Count -gt 0
            succeeded_tag   = [IO.File]::Exists("$folder\Sysprep_succeeded.tag")
            error_log_bytes = $bytes
        }
    }

    leftovers      = {
        $places = @(
            "$windows\Panther\unattend.xml", "$windows\Panther\autounattend.xml",
            "$windows\Panther\Unattend\unattend.xml", "$windows\Panther\Unattend\autounattend.xml",
            "$system32\Sysprep\unattend.xml", "$system32\Sysprep\autounattend.xml",
            "${drive}unattend.xml", "${drive}autounattend.xml", "$windows\unattend.xml"
        )
        @{
            panther        = [IO.Directory]::Exists("$windows\Panther")
            unattend_files = @($places | Where-Object { [IO.File]::Exists($_) })
        }
    }

    pending_reboot = {
        $servicing = "$current\Component Based Servicing"
        $names = "$control\ComputerName"
        $joining = @('JoinDomain', 'AvoidSpnSet' | Where-Object {
                (Test-MachineKey "$services\Netlogon\$_") -or (Get-MachineValue "$services\Netlogon" $_) -ne $absent
            })
        $renames = @(Get-MachineValue "$control\Session Manager" 'PendingFileRenameOperations')
        @{
            component_servicing  = @('RebootPending', 'RebootInProgress', 'PackagesPending' |
                    Where-Object { Test-MachineKey "$servicing\$_" })
            pending_xml          = [IO.File]::Exists("$windows\WinSxS\pending.xml")
            windows_update       = Test-MachineKey "$current\WindowsUpdate\Auto Update\RebootRequired"
            # Pairs of a file and its new name, which is empty when the file is to be deleted.
            file_renames         = @($renames | Where-Object { $_ -and $_ -ne $absent })
            computer_name        = Get-MachineValue "$names\ComputerName" 'ComputerName'
            active_computer_name = Get-MachineValue "$names\ActiveComputerName" 'ComputerName'
            domain_join          = $joining.Count -gt 0
        }
    }

    processes      = {
        @{
            installers = @('TiWorker', 'msiexec', 'wusa', 'dism', 'DismHost' | Where-Object {
                    @([Diagnostics.Process]::GetProcessesByName($_)).Count -gt 0
                })
        }
    }

    bitlocker      = {
        $answer = Get-OptionalInstance 'root\CIMV2\Security\MicrosoftVolumeEncryption' 'Win32_EncryptableVolume'
        @{
            available   = $answer.exists
            volumes     = @($answer.instances | ForEach-Object {
                    $status = Invoke-CimMethod -InputObject $_ -MethodName GetConversionStatus
                    # A locked volume does not say; then nothing stands here, and the fact is not known.
                    $conversion = $null
                    if ($status.ReturnValue -eq 0) { $conversion = Get-Number $status.ConversionStatus 'ConversionStatus' }
                    $mount = $_.DriveLetter
                    if (-not $mount) { $mount = $_.DeviceID }
                    @{ mount = $mount; conversion = $conversion }
                })
            boot_status = Get-MachineValue "$control\BitLockerStatus" 'BootStatus'
        }
    }

    efs            = {
        $found = @{ files = @(); unread = @() }
        $profiles = Get-MachineValue "$currentNt\ProfileList" 'ProfilesDirectory'
        Get-EncryptedItem -Path ([Environment]::ExpandEnvironmentVariables($profiles)) -Depth 3 -Found $found
        @{
            files  = @($found.files)
            unread = @($found.unread)
            users  = @($users.GetSubKeyNames() | Where-Object {
                    $null -ne $users.OpenSubKey("$_\Software\Microsoft\Windows NT\CurrentVersion\EFS\CurrentKeys")
                })
        }
    }

    appx           = {
        $packages = @()
        $provisioned = @()
        # Without the service there are no such packages at all; without the command only, nothing is known.
        if (Test-MachineKey "$services\AppXSvc") {
            $command = Get-Command -Name Get-AppxPackage
            if ($command.Parameters.ContainsKey('PackageTypeFilter')) {
                $packages = @(Get-AppxPackage -AllUsers -PackageTypeFilter 'Main', 'Framework', 'Bundle')
            }
            else {
                $packages = @(Get-AppxPackage -AllUsers)
            }
            $provisioned = @(Get-AppxProvisionedPackage -Online)
        }
        @{
            packages    = @($packages | ForEach-Object {
                    @{
                        full_name = $_.PackageFullName
                        family    = $_.PackageFamilyName
                        framework = [bool]$_.IsFramework
                        resource  = (Get-Property $_ 'IsResourcePackage') -eq 'True'
                        signature = Get-Property $_ 'SignatureKind'
                        location  = Get-Property $_ 'InstallLocation'
                        users     = @($_.PackageUserInformation | Where-Object { [string]$_.InstallState -like 'Installed*' } |
                                ForEach-Object { [string]$_.UserSecurityId.Sid })
                    }
                })
            provisioned = @($provisioned | ForEach-Object { $_.PackageName })
        }
    }

    licensing      = {
        $service = Get-CimInstance -Query 'SELECT RemainingWindowsReArmCount FROM SoftwareLicensingService'
        @{
            rearm_count = Get-Number $service.RemainingWindowsReArmCount 'RemainingWindowsReArmCount'
            skip_rearm  = Get-MachineValue "$currentNt\SoftwareProtectionPlatform" 'SkipRearm'
        }
    }

    membership     = {
        $computer = Get-CimInstance -ClassName Win32_ComputerSystem
        @{
            domain_role  = Get-Number $computer.DomainRole 'DomainRole'
            domain       = $computer.Domain
            entra_joined = @(Get-MachineSubkey "$control\CloudDomainJoin\JoinInfo").Count -gt 0
        }
    }

    cluster        = {
        @{
            service_start = Get-MachineValue "$services\ClusSvc" 'Start'
            database      = [IO.File]::Exists("$windows\Cluster\CLUSDB") -or (Test-MachineKey 'Cluster')
        }
    }

    roles          = {
        # Administration tools bring the command to clients too, where it only says that it is for servers.
        $client = (Get-MachineValue $currentNt 'InstallationType') -eq 'Client'
        $available = -not $client -and $null -ne (Get-Command -Name Get-WindowsFeature -ErrorAction SilentlyContinue)
        $installed = @()
        if ($available) { $installed = @(Get-WindowsFeature | Where-Object { $_.Installed }) }
        @{
            available = $available
            installed = @($installed | ForEach-Object { @{ name = $_.Name; kind = [string]$_.FeatureType } })
        }
    }

    hyper_v        = {
        $answer = Get-OptionalInstance 'root\virtualization\v2' 'Msvm_VirtualEthernetSwitch'
        # Windows Server 2008 R2 has the older namespace only.
        if (-not $answer.exists) { $answer = Get-OptionalInstance 'root\virtualization' 'Msvm_VirtualSwitch' }
        @{ switches = @($answer.instances | ForEach-Object { [string]$_.ElementName }) }
    }

    iis            = {
        $file = "$system32\inetsrv\config\applicationHost.config"
        $count = 0
        # Values are counted and never shown.
        if ([IO.File]::Exists($file)) { $count = [regex]::Matches([IO.File]::ReadAllText($file), '\[enc:').Count }
        @{ encrypted_values = $count }
    }

    wds            = {
        @{
            share       = @(Get-CimInstance -ClassName Win32_Share -Filter "Name='REMINST'").Count -gt 0
            root_folder = Get-MachineValue "$services\WDSServer\Providers\WDSTFTP" 'RootFolder'
        }
    }

    sql            = {
        $root = 'SOFTWARE\Microsoft\Microsoft SQL Server\Instance Names'
        @{
            instances = @(Get-MachineSubkey $root | ForEach-Object {
                    $kind = $_
                    Get-MachineValueName "$root\$kind" | ForEach-Object { @{ name = $_; kind = $kind } }
                })
        }
    }

    services       = {
        # Services and drivers. Started is true or false in every language; the registry has how they start.
        $found = @(Get-CimInstance -Query 'SELECT Name, Started FROM Win32_BaseService')
        @{
            installed = @($found | ForEach-Object {
                    @{ name = $_.Name; start = Get-MachineValue "$services\$($_.Name)" 'Start' }
                })
            running   = @($found | Where-Object { $_.Started } | ForEach-Object { $_.Name })
        }
    }

    extensions     = {
        $root = 'SOFTWARE\Microsoft\Windows Azure\HandlerState'
        @{
            handlers = @(Get-MachineSubkey $root | ForEach-Object {
                    @{ name = $_; state = [string](Get-MachineValue "$root\$_" 'InstallState') }
                })
        }
    }

    disks          = {
        $boot = @(Get-CimInstance -ClassName Win32_DiskPartition | Where-Object { $_.BootPartition } |
                ForEach-Object { $_.DiskIndex })
        @{
            system_free = [IO.DriveInfo]::new($drive).TotalFreeSpace
            firmware    = Get-MachineValue $control 'PEFirmwareType'
            san_policy  = Get-MachineValue "$services\partmgr\Parameters" 'SanPolicy'
            disks       = @(Get-CimInstance -ClassName Win32_DiskDrive | ForEach-Object {
                    @{
                        number = Get-Number $_.Index 'Index'
                        size   = Get-Number $_.Size 'Size'
                        boot   = $boot -contains $_.Index
                    }
                })
        }
    }

    cdrom          = {
        $policies = 'SOFTWARE\Policies\Microsoft\Windows\RemovableStorageDevices'
        $discs = "$policies\{53f56308-b6bf-11d0-94f2-00a0c91efb8b}"
        $denials = @(@($policies, 'Deny_All'), @($discs, 'Deny_All'), @($discs, 'Deny_Read'))
        @{
            start     = Get-MachineValue "$services\cdrom" 'Start'
            denied_by = @($denials | Where-Object { (Get-MachineValue $_[0] $_[1]) -eq 1 } | ForEach-Object { $_ -join ', ' })
        }
    }

    reserve        = {
        @{ active_scenario = Get-MachineValue "$current\ReserveManager" 'ActiveScenario' }
    }

    network        = {
        $firewalls = Get-OptionalInstance 'root\SecurityCenter2' 'FirewallProduct'
        @{
            tdi_drivers = @(Get-MachineSubkey $services | Where-Object {
                    @('TDI', 'PNP_TDI') -contains [string](Get-MachineValue "$services\$_" 'Group')
                })
            firewalls   = @($firewalls.instances | ForEach-Object { [string]$_.displayName })
        }
    }

    accounts       = {
        $account = Get-CimInstance -ClassName Win32_UserAccount -Filter "LocalAccount=TRUE AND SID LIKE 'S-1-5-21-%-500'"
        $user = [ADSI]"WinNT://$([Environment]::MachineName)/$($account.Name),user"
        @{
            administrator_enabled     = -not $account.Disabled
            administrator_must_change = (Get-Number $user.PasswordExpired.Value 'PasswordExpired') -ne 0
            max_password_age          = Get-Number $user.MaxPasswordAge.Value 'MaxPasswordAge'
        }
    }
}

$facts = @{ schema = 1; errors = @{} }
foreach ($section in @($sections.Keys)) {
    try {
        $facts[$section] = & $sections[$section]
    }
    catch {
        # The type and the code say the same in every language; the text is for people.
        $exception = $_.Exception
        $facts.errors[$section] = '{0} 0x{1:x8}: {2}' -f $exception.GetType().Name, $exception.HResult, $exception.Message
    }
}

$context = Get-Variable -Name Ansible -ErrorAction SilentlyContinue
if ($null -ne $context) {
    $context.Value.Result = $facts
    $context.Value.Changed = $false
}
else {
    ConvertTo-Json -InputObject $facts -Depth 6
}
