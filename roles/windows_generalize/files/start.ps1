# goldenimage.azure script: windows_generalize/start
# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Starts Sysprep so that it outlives this session, whose processes WinRM ends with it. A scheduled task is removed again
# as soon as Sysprep runs (which goes on then), so that neither task nor password gets into the image.
[CmdletBinding()]
param (
    [Parameter(Mandatory)][string]$Arguments,
    [Parameter(Mandatory)][ValidateSet('task', 'process')][string]$Method,
    [string]$User,
    [securestring]$Password,
    [int]$StartSeconds = 60
)
$ErrorActionPreference = 'Stop'
$Ansible.Changed = $false

$name = 'goldenimage-sysprep'
# SCHED_S_TASK_HAS_NOT_RUN of the Task Scheduler's codes.
$neverRan = 0x41303
$program = [IO.Path]::Combine([Environment]::SystemDirectory, 'Sysprep', 'sysprep.exe')
$folder = [IO.Path]::GetDirectoryName($program)

function Get-SysprepId {
    @([Diagnostics.Process]::GetProcessesByName('sysprep') | ForEach-Object { $_.Id })
}

if (-not [IO.File]::Exists($program)) { throw "$program is not there" }
if (@(Get-SysprepId).Count -gt 0) { throw 'a Sysprep is running already' }

# Who it runs as: somebody local, an administrator by their own membership, and never Local System.
$current = [Security.Principal.WindowsIdentity]::GetCurrent()
if (-not $User) { $User = $current.Name }
$account = [Security.Principal.NTAccount]::new($User)
$sid = $account.Translate([Security.Principal.SecurityIdentifier])
if ($sid.Value -eq 'S-1-5-18') { throw 'Sysprep must not run as Local System' }
$group = [Security.Principal.SecurityIdentifier]::new('S-1-5-32-544').Translate([Security.Principal.NTAccount]).Value
$entry = [ADSI]"WinNT://$([Environment]::MachineName)/$($group.Split('\')[-1]),group"
$members = @($entry.Invoke('Members') | ForEach-Object {
        $bytes = $_.GetType().InvokeMember('objectSid', 'GetProperty', $null, $_, $null)
        [Security.Principal.SecurityIdentifier]::new([byte[]]$bytes, 0).Value
    })
if ($members -notcontains $sid.Value) { throw "$User is not a member of the local group $group" }

if ($Method -eq 'process') {
    if ($sid.Value -ne $current.User.Value) { throw "a process runs as $($current.Name), not as $User; use a task" }
    $made = Invoke-CimMethod -ClassName Win32_Process -MethodName Create -Arguments @{
        CommandLine = "`"$program`" $Arguments"; CurrentDirectory = $folder
    }
    if ($made.ReturnValue -ne 0) { throw "Win32_Process.Create answered $($made.ReturnValue)" }
    $Ansible.Changed = $true
}
else {
    $action = New-ScheduledTaskAction -Execute $program -Argument $Arguments -WorkingDirectory $folder
    $settings = New-ScheduledTaskSettingsSet -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -ExecutionTimeLimit ([TimeSpan]::Zero)
    $task = @{ TaskName = $name; Action = $action; Settings = $settings; Force = $true }
    if ($Password) {
        $plain = [Net.NetworkCredential]::new('', $Password).Password
        $null = Register-ScheduledTask @task -User $User -Password $plain -RunLevel Highest
    }
    else {
        $principal = New-ScheduledTaskPrincipal -UserId $User -LogonType S4U -RunLevel Highest
        $null = Register-ScheduledTask @task -Principal $principal
    }
    try {
        Start-ScheduledTask -TaskName $name
        $Ansible.Changed = $true
        $until = [DateTime]::UtcNow.AddSeconds($StartSeconds)
        while (@(Get-SysprepId).Count -eq 0 -and [DateTime]::UtcNow -lt $until) {
            Start-Sleep -Milliseconds 500
            # One that has run and ended at once is not waited for.
            $result = (Get-ScheduledTaskInfo -TaskName $name).LastTaskResult
            if ($result -ne $neverRan -and (Get-ScheduledTask -TaskName $name).State -eq 'Ready') { break }
        }
        if (@(Get-SysprepId).Count -eq 0 -and (Get-ScheduledTaskInfo -TaskName $name).LastTaskResult -eq $neverRan) {
            throw "Windows did not start the task within $StartSeconds s; see that $User may log on as a batch job"
        }
    }
    finally {
        Unregister-ScheduledTask -TaskName $name -Confirm:$false
    }
}
$Ansible.Result = @{ user = $User; user_sid = $sid.Value; method = $Method; process_ids = @(Get-SysprepId) }
