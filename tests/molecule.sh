#!/usr/bin/env bash
# The roles' molecule scenarios, on real systems; they need root, loop devices and nspawn.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
if [ "$(id -u)" -ne 0 ]; then
  echo "SKIPPED molecule: mounting disks and booting containers needs root"
  [ -z "${GOLDENIMAGE_NO_SKIPS:-}" ]; exit
fi
unset ANSIBLE_CONFIG
failed=0
for scenario in extensions/molecule/*/molecule.yml; do
  name=$(basename "$(dirname "$scenario")")
  start=$SECONDS
  printf -- '-- molecule %s\n' "$name"
  if molecule test -s "$name" >".cache/molecule-$name.log" 2>&1; then
    printf -- '-- molecule %s passed (%s s)\n' "$name" $((SECONDS - start))
  else
    failed=1
    tail -n 120 ".cache/molecule-$name.log"
    printf -- '-- molecule %s FAILED (%s s)\n' "$name" $((SECONDS - start))
  fi
done
exit "$failed"
