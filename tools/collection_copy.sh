#!/usr/bin/env bash
# Copy what git knows of this checkout to .build/ansible_collections/goldenimage/azure and print that path.
# ansible-test and mypy want to see the collection below a folder of that name, wherever the clone lies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=.build/ansible_collections/goldenimage/azure
# A repository of its own, or ansible-test finds this one further up, which ignores .build.
[ -d "$target/.git" ] || git init --quiet "$target"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do [ -e "$file" ] && printf '%s\0' "$file"; done >.build/files
rsync --archive --from0 --files-from=.build/files ./ "$target/"
# What is gone from the checkout goes from the copy.
(cd "$target" && find . -type f -not -path './.git/*' -not -path './tests/output/*' -not -name '*.pyc' -printf '%P\0') | sort -z >.build/copied
sort -z .build/files | comm -z -13 - .build/copied | (cd "$target" && xargs -0 --no-run-if-empty rm -f --)
echo "$target"
