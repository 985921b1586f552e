# Copyright (c) 2026, goldenimage.azure contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# For Pester 5: Invoke-Pester tests/pester. The last block reads facts of the machine it runs on, and changes nothing.

BeforeDiscovery {
    $root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
    $scripts = @(Get-ChildItem -Path (Join-Path $root 'roles') -Filter '*.ps1' -Recurse -File |
            ForEach-Object { @{ Name = $_.Name; Path = $_.FullName } })
    $unlinted = -not (Get-Module -ListAvailable -Name 'PSScriptAnalyzer')
    $elsewhere = $env:OS -ne 'Windows_NT'
}

Describe 'The scripts of the roles' {
    It '<Name> is understood by PowerShell' -ForEach $scripts {
        $errors = $null
        [void][Management.Automation.Language.Parser]::ParseFile($Path, [ref]$null, [ref]$errors)
        $errors | Should -BeNullOrEmpty
    }

    It '<Name> has nothing that PSScriptAnalyzer warns of' -ForEach $scripts -Skip:$unlinted {
        Invoke-ScriptAnalyzer -Path $Path -Severity 'Error', 'Warning' | Should -BeNullOrEmpty
    }
}

Describe 'The collector on this machine' -Skip:$elsewhere {
    BeforeAll {
        $root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
        $collector = Join-Path $root 'roles/windows_generalize/files/collect_facts.ps1'
        $facts = (& $collector) | ConvertFrom-Json
    }

    It 'says which schema its answer has' {
        $facts.schema | Should -BeGreaterThan 0
    }

    It 'knows the build' {
        $facts.os.build | Should -Be ([Environment]::OSVersion.Version.Build)
    }

    It 'could collect every section' {
        @($facts.errors.PSObject.Properties) | Should -BeNullOrEmpty
    }
}
