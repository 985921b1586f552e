#!/usr/bin/env bash
# make demo: the playbook demo.yml against a local Azure of its own, which is stopped again in the end.
#   tools/demo.sh [IMAGE] [ansible-playbook options]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(id -u)" -eq 0 ] || { echo "make demo: mounting the disk needs root; run it as root (sudo make demo)." >&2; exit 1; }
folder=$PWD/.cache/demo
mkdir -p "$folder"
export PATH="$PWD/.venv/bin:$PATH:/usr/sbin:/sbin" ANSIBLE_CONFIG="$PWD/tools/demo.cfg" ANSIBLE_HOME="$PWD/.cache/ansible"
image=()
if [ $# -gt 0 ] && [[ $1 != -* ]]; then image=(-e "demo_image=$1"); folder=$folder/$(basename "$1"); shift; fi

azure-emulator start --data "$folder/azure" >/dev/null
trap 'azure-emulator stop --data "$folder/azure" >/dev/null' EXIT
eval "$(azure-emulator env --data "$folder/azure")"
ansible-playbook goldenimage.azure.demo -e "demo_folder=$folder" -e "demo_cache=$PWD/.cache/disks" "${image[@]}" "$@"
place=${folder#"$PWD/"}
cat <<END

The disk is $place/disk.vhd. The local Azure is stopped; to look at what the demo made:
  . .venv/bin/activate
  azure-emulator start --data $place/azure && eval "\$(azure-emulator env --data $place/azure)"
  ansible localhost -m goldenimage.azure.vm_info -a resource_group=demo
  azure-emulator stop --data $place/azure
END
