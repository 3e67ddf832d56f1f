#!/bin/sh
# Installs radiata from the folder that this script is in: into PREFIX/lib/radiata, with a link in PREFIX/bin.
# PREFIX is the first argument; /usr/local for root, ~/.local for others.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ "$(id -u)" -eq 0 ]; then default=/usr/local; else default="$HOME/.local"; fi
prefix=${1:-$default}
part="$prefix/lib/radiata.part"
mkdir -p "$prefix/bin" "$prefix/lib"
rm -rf "$part"
if [ -f "$here/payload.tar.xz" ]; then
    # The smallest of systems have no xz: one that needs nothing is beside it.
    mkdir "$part"
    if command -v xz > /dev/null; then unpack="xz -dc"; else unpack="$here/xzdec"; fi
    $unpack "$here/payload.tar.xz" > "$part/payload.tar"
    tar xf "$part/payload.tar" -C "$part"
    rm "$part/payload.tar"
else
    cp -R "$here" "$part"
fi
if ! "$part/radiata" --version > /dev/null 2>&1; then
    echo "radiata does not run here: it needs Linux x86_64 with glibc 2.36 or newer, this is $(uname -sm)" >&2
    "$part/radiata" --version >&2 || true
    rm -rf "$part"
    exit 1
fi
# A base model that an earlier installation was given stays.
[ -d "$part/sweeps/base" ] || [ ! -d "$prefix/lib/radiata/sweeps/base" ] ||
    cp -R "$prefix/lib/radiata/sweeps/base" "$part/sweeps/base"
# What runs from the old folder goes on: its files stay open until it ends.
rm -rf "$prefix/lib/radiata.old"
[ ! -e "$prefix/lib/radiata" ] || mv "$prefix/lib/radiata" "$prefix/lib/radiata.old"
mv "$part" "$prefix/lib/radiata"
rm -rf "$prefix/lib/radiata.old"
ln -sf ../lib/radiata/radiata "$prefix/bin/radiata"
echo "$prefix/bin/radiata: $("$prefix/bin/radiata" --version)"
case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) echo "add $prefix/bin to your PATH" ;;
esac
