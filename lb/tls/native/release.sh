#!/bin/sh
# Builds the shipped binaries, each with a compiler for its architecture (Debian: gcc-x86-64-linux-gnu, gcc-aarch64-linux-gnu), and writes
# down what they were built from. The headers of Node are the same for all.
set -eu
cd "$(dirname "$0")"
mkdir -p prebuilt
for target in x64:x86_64 arm64:aarch64; do
  file=prebuilt/linux-${target%:*}.node
  tools=${target#*:}-linux-gnu
  CC=$tools-gcc ./build.sh "$file"
  "$tools-strip" --strip-unneeded "$file"
done
sha256sum ./*.c ./*.h build.sh prebuilt/*.node > prebuilt/checksums.txt
