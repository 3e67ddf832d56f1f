#!/bin/sh
# Installs radiata from the folder that this script is in: into PREFIX/lib/radiata, with a link in PREFIX/bin.
# PREFIX is the first argument; /usr/local for root, ~/.local for others.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ "$(id -u)" -eq 0 ]; then default=/usr/local; else default="$HOME/.local"; fi
prefix=${1:-$default}
if ! "$here/radiata" --version > /dev/null 2>&1; then
    echo "radiata does not run here: it needs Linux x86_64 with glibc 2.36 or newer, this is $(uname -sm)" >&2
    "$here/radiata" --version >&2 || true
    exit 1
fi
mkdir -p "$prefix/bin" "$prefix/lib"
# What runs from the old folder goes on: its files stay open until it ends.
rm -rf "$prefix/lib/radiata.part"
cp -R "$here" "$prefix/lib/radiata.part"
rm -rf "$prefix/lib/radiata.old"
[ ! -e "$prefix/lib/radiata" ] || mv "$prefix/lib/radiata" "$prefix/lib/radiata.old"
mv "$prefix/lib/radiata.part" "$prefix/lib/radiata"
rm -rf "$prefix/lib/radiata.old"
ln -sf ../lib/radiata/radiata "$prefix/bin/radiata"
echo "$prefix/bin/radiata: $("$prefix/bin/radiata" --version)"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "add $prefix/bin to your PATH" ;;
esac
