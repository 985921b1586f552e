#!/usr/bin/env bash
# Prepare this checkout: tools/setup.sh run | emulator | test | peers
#   run       what `make demo` needs
#   emulator  and the blob server behind the local Azure's storage accounts
#   test      and what `make test` and `make lint` need
#   peers     instead of the test stage: what `make peers` needs, its clients each in an environment of its own
# Idempotent and quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stage=${1:?usage: tools/setup.sh run|emulator|test|peers}

say() { printf '\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# Programs: command:package. Only Debian's names, because only there we can install them.
run_programs=(ssh-keygen:openssh-client mmdebstrap:mmdebstrap sgdisk:gdisk mformat:mtools mkfs.vfat:dosfstools mkfs.ext4:e2fsprogs qemu-img:qemu-utils
  grub-mkimage:grub-common grub-mkstandalone:grub-common unshare:util-linux nsenter:util-linux)
run_files=(/usr/lib/grub/i386-pc/boot.img:grub-pc-bin /usr/lib/grub/x86_64-efi/moddep.lst:grub-efi-amd64-bin)
test_programs=(systemd-nspawn:systemd-container ssh:openssh-client ssh-keygen:openssh-client debugfs:e2fsprogs
  qemu-system-x86_64:qemu-system-x86 qemu-storage-daemon:qemu-system-common fusermount3:fuse3 genisoimage:genisoimage rsync:rsync git:git shellcheck:shellcheck
  mkntfs:ntfs-3g hivexregedit:libwin-hivex-perl mkfs.xfs:xfsprogs mkfs.btrfs:btrfs-progs cryptsetup:cryptsetup-bin
  openssl:openssl zstd:zstd xz:xz-utils bzip2:bzip2)
peers_programs=(packer:packer ssh-keygen:openssh-client scp:openssh-client)
test_files=(/usr/share/OVMF/OVMF_CODE.fd:ovmf)

# A file, not a command, stands for the package where it has no command of its own.
missing_packages() {
  local entry
  [ "$stage" != emulator ] || return 0
  if [ "$stage" = peers ]; then
    for entry in "${peers_programs[@]}"; do command -v "${entry%%:*}" >/dev/null || echo "${entry##*:}"; done
    return
  fi
  for entry in "${run_programs[@]}"; do command -v "${entry%%:*}" >/dev/null || echo "${entry##*:}"; done
  [ "$(uname -m)" != x86_64 ] || for entry in "${run_files[@]}"; do [ -e "${entry%%:*}" ] || echo "${entry##*:}"; done
  if [ "$stage" = test ]; then
    for entry in "${test_programs[@]}"; do command -v "${entry%%:*}" >/dev/null || echo "${entry##*:}"; done
    for entry in "${test_files[@]}"; do [ -e "${entry%%:*}" ] || [ -e "/usr/share/OVMF/OVMF_CODE_4M.fd" ] || echo "${entry##*:}"; done
  fi
}

is_debian() { grep -qE '^ID(_LIKE)?=.*(debian|ubuntu)' /etc/os-release 2>/dev/null; }

install_packages() {
  if [ "$(id -u)" -eq 0 ] && is_debian; then
    say "Installing with apt: $*"
    local log; log=$(mktemp)
    apt-get update -qq >"$log" 2>&1 || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get could not install: $*"; }
    rm -f "$log"
  else
    die "these packages are missing (Debian's names): $*. Install them, or run this as root on Debian or Ubuntu."
  fi
}

find_python() {
  local candidate
  for candidate in python3 /usr/bin/python3 python3.11 python3.12 python3.13 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$candidate"; return; fi
  done
  return 1
}

mapfile -t packages < <(PATH="$PATH:/usr/sbin:/sbin" missing_packages | sort -u)
python=$(find_python || true)
if [ -z "$python" ]; then packages+=(python3); fi
if [ ! -x .venv/bin/python ] && ! "${python:-/usr/bin/python3}" -c 'import ensurepip, venv' 2>/dev/null; then packages+=(python3-venv); fi
[ "${#packages[@]}" -eq 0 ] || install_packages "${packages[@]}"
python=$(find_python) || die "Python 3.11 or newer is needed; none was found on PATH."

if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  say "Making the virtual environment (.venv) with $("$python" --version)"
  rm -rf .venv
  "$python" -m venv .venv
fi

pip_install() { # LOCK
  local lock=requirements/$1.txt stamp=.venv/.installed-$1
  if ! cmp -s "$lock" "$stamp"; then
    say "Installing $lock"
    .venv/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement "$lock" 2> >(grep -v "is ignored: it is neither" >&2)
    cp "$lock" "$stamp"
  fi
}
pip_install run
case $stage in test|peers) pip_install dev ;; esac

if ! cmp -s emulator/pyproject.toml .venv/.installed-emulator; then
  say "Installing the local Azure (azure-emulator)"
  .venv/bin/python -m pip --quiet --disable-pip-version-check install --no-build-isolation --no-deps --no-index --editable ./emulator
  cp emulator/pyproject.toml .venv/.installed-emulator
fi

if [ "$stage" != run ]; then .venv/bin/azure-emulator install-azurite; fi

venv() { # NAME: .venv-NAME from requirements/NAME.txt, made anew when that changes
  cmp -s "requirements/$1.txt" ".venv-$1/.installed-$1" && return
  say "Making .venv-$1 (requirements/$1.txt)"
  rm -rf ".venv-$1"
  "$python" -m venv ".venv-$1"
  ".venv-$1/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes --requirement "requirements/$1.txt" 2> >(grep -v "is ignored: it is neither" >&2)
  cp "requirements/$1.txt" ".venv-$1/.installed-$1"
}
case $stage in
  test) venv floor ;; # the oldest supported Ansible and SDK, to test with
  peers) for name in peers-cli peers-azcollection peers-packer; do venv "$name"; done ;;
esac

# goldenimage.azure resolves from any clone path: Ansible looks for collections in site-packages too.
for environment in .venv .venv-floor; do
  [ -x "$environment/bin/python" ] || continue
  site=$("$environment/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  mkdir -p "$site/ansible_collections/goldenimage"
  ln -sfn "$(pwd)" "$site/ansible_collections/goldenimage/azure"
done
