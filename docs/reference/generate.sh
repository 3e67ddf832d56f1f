#!/usr/bin/env bash
# Writes the generated parts of these pages anew: generate.sh PROGRAM (`make reference-pages` calls it).
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")"
for pair in commands:cli.md parameters:parameters.md; do
    part=${pair%%:*} page=${pair#*:}
    "$program" reference "$part" >"$page.new"
    awk -v part="$part" -v new="$page.new" '
        $0 == "<!-- generated: " part " -->" { print; print ""; while ((getline line < new) > 0) print line; skip = 1; next }
        $0 == "<!-- end -->" { skip = 0 }
        !skip { print }' "$page" >"$page.written"
    mv "$page.written" "$page"
    rm "$page.new"
done
