#!/usr/bin/env bash
# Every check of the house, one after the other; all of them run, the names of those that failed come last.
#   tools/lint.sh            all
#   tools/lint.sh ruff mypy  only these
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
export PATH="$PWD/.venv/bin:$PATH" ANSIBLE_FORCE_COLOR=0 NO_COLOR=1
copy=$(tools/collection_copy.sh) || exit 1
failed=()

check() { # NAME COMMAND…
  local name=$1 start=$SECONDS; shift
  if [ "${#only[@]}" -gt 0 ] && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  printf '== %s\n' "$name"
  if "$@"; then printf '   ok (%s s)\n' $((SECONDS - start)); else printf '   FAILED (%s s)\n' $((SECONDS - start)); failed+=("$name"); fi
}

run_mypy() {
  (cd .build && MYPYPATH=. mypy --config-file ../pyproject.toml -p ansible_collections.goldenimage.azure.plugins.module_utils) &&
    (cd emulator && MYPYPATH=src:tests mypy --config-file ../pyproject.toml -p azure_emulator -p conformance)
}

# ansible-test makes virtual environments with a bootstrap script that it downloads from its own site. Python brings
# pip along, so where that script is not in ansible-test's cache yet, one that uses ensurepip takes its place.
pip_bootstrap() {
  local version cache
  version=$(python - <<'P'
import re, pathlib, ansible_test
text = (pathlib.Path(ansible_test.__file__).parent / "_internal/python_requirements.py").read_text()
print(re.search(r"default_packages = dict\(\s*pip='([^']+)'", text).group(1))
P
  ) || return 1
  cache="$HOME/.ansible/test/cache/get_pip_${version//./_}.py"
  [ -e "$cache" ] && return
  mkdir -p "$(dirname "$cache")"
  cat >"$cache" <<'P'
import subprocess
import sys

subprocess.run([sys.executable, "-m", "ensurepip"], check=True, stdout=subprocess.DEVNULL)
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *wanted], check=False).returncode)
P
}

# Only the interpreters that ansible-test would use by itself and the one of .venv count; shims of version managers break it.
run_sanity() {
  pip_bootstrap || return 1
  local version
  version=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  if [ -n "$(find tests/sanity -name 'ignore*' 2>/dev/null)" ]; then echo "there must be no ignore entries" >&2; return 1; fi
  (cd "$copy" && ansible-test sanity --local --python "$version" --color no -v >../../../sanity.log 2>&1) ||
    { grep -E '^(ERROR|FATAL)' .build/sanity.log; return 1; }
}

run_build() {
  rm -rf .build/artifact && ansible-galaxy collection build --force --output-path .build/artifact "$copy" >/dev/null &&
    tar -tzf .build/artifact/*.tar.gz >.build/artifact/files &&
    if grep -E '^(emulator|tests|tools|extensions|requirements/|\.venv|\.ci|Makefile)' .build/artifact/files; then echo "these do not belong in the artifact" >&2; return 1; fi
}

run_importer() {
  printf '[galaxy-importer]\nRUN_ANSIBLE_TEST=False\nRUN_ANSIBLE_LINT=False\nRUN_FLAKE8=False\nCHECK_CHANGELOG=False\n' >.build/importer.cfg
  if ! (cd .build && GALAXY_IMPORTER_CONFIG=importer.cfg python -m galaxy_importer.main artifact/*.tar.gz >importer.log 2>&1) ||
    grep -qE '^(ERROR|CRITICAL)' .build/importer.log; then
    tail -n 20 .build/importer.log
    return 1
  fi
}

only=("$@")
check ruff ruff check --no-fix .
check ruff-format ruff format --check --exclude '*.md' .
check mypy run_mypy
check yamllint yamllint --strict .
check ansible-lint ansible-lint --offline --strict --nocolor -q
check antsibull-docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .build/ansible_collections/goldenimage/azure
check antsibull-changelog antsibull-changelog lint
check collection-build run_build
check galaxy-importer run_importer
check ansible-test-sanity run_sanity

if [ "${#failed[@]}" -gt 0 ]; then printf 'lint: failed: %s\n' "${failed[*]}"; exit 1; fi
echo "lint: clean"
