#!/usr/bin/env bash
# The tiers of `make test`: unit, integration (modules against the local Azure), molecule (roles on real systems).
#   tests/run.sh                 all
#   tests/run.sh unit molecule   only these; matrix, soak, e2e, faults and peers only when they are named
# What this machine cannot run is skipped by name; as root on Debian or Ubuntu a skip is a failure.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH:/usr/sbin:/sbin"
# Compiled once, and out of the way of the tree.
export PYTHONPYCACHEPREFIX="$PWD/.cache/pycache"; unset PYTHONDONTWRITEBYTECODE
export ANSIBLE_CONFIG="$PWD/tests/ansible.cfg" ANSIBLE_HOME="$PWD/.cache/ansible"
if [ "$(id -u)" -eq 0 ] && grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release; then export GOLDENIMAGE_NO_SKIPS=1; fi
# A folder of their own: pytest removes what older runs, which may still be under way, have below the usual one.
PYTEST_DEBUG_TEMPROOT=$(mktemp -d -t goldenimage.XXXXXX)
export PYTEST_DEBUG_TEMPROOT
trap 'rm -rf "$PYTEST_DEBUG_TEMPROOT"' EXIT
tiers=("$@")
[ "${#tiers[@]}" -gt 0 ] || tiers=(unit integration molecule)
known=()
failed=()

tier() { # NAME COMMAND…
  local name=$1 start=$SECONDS; shift
  known+=("$name")
  [[ " ${tiers[*]} " == *" $name "* ]] || return 0
  printf '\n== %s\n' "$name"
  "$@" || failed+=("$name")
  printf '== %s took %s s\n' "$name" $((SECONDS - start))
}

# What knows nothing of Ansible and the SDK is the same with the oldest of them.
unit() {
  pytest -q -n 2 -m "not soak" tests/unit emulator/tests &&
    .venv-floor/bin/pytest -q -n 2 tests/unit --ignore=tests/unit/plugins/module_utils/_vhd --ignore=tests/unit/plugins/module_utils/_inspect \
      --ignore=tests/unit/roles/test_powershell.py
}
tier unit unit
tier integration pytest -q -n 2 --durations=15 --durations-min=5 --dist loadgroup -m "not matrix and not soak" tests/integration
tier molecule tests/molecule.sh
# Every target the other way round: inside the controller with the oldest SDK, as ordinary modules with the newest.
tier matrix pytest -q -n 2 --dist loadgroup -m matrix tests/integration
# What takes minutes: the local Azure under load, killed at random moments, and random histories of its data; plays and uploads
# that outlive many kills; backups and Windows machines in all their trouble.
soak() {
  pytest -q -n 2 -m soak emulator/tests && pytest -q -n 2 --dist loadgroup -m soak tests/integration &&
    TRANSFER_KILLS=8 pytest -q tests/integration/test_transfer.py -k killed_upload
}
tier soak soak
tier e2e pytest -q tests/e2e
# The targets while one request in ten fails, and while Azure takes its time. Most of it is waiting, so more at once.
export GOLDENIMAGE_FAULT_SEEDS=${GOLDENIMAGE_FAULT_SEEDS:-$RANDOM,$RANDOM,$RANDOM}
tier faults pytest -q -n 4 tests/faults
# A client's tests build on each other; the slowest client runs beside the others.
peers() {
  local slow quick=0
  pytest -q tests/peers/azcollection & slow=$!
  pytest -q tests/peers/azure_cli tests/peers/packer || quick=1
  wait "$slow" && [ "$quick" -eq 0 ]
}
tier peers peers

for name in "${tiers[@]}"; do [[ " ${known[*]} " == *" $name "* ]] || failed+=("$name (there is no such tier)"); done
if [ "${#failed[@]}" -gt 0 ]; then printf 'test: failed: %s\n' "${failed[*]}"; exit 1; fi
echo "test: all passed"
