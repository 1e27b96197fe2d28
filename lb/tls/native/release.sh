#!/bin/sh
# Builds the shipped binary and writes down what it was built from.
set -eu
cd "$(dirname "$0")"
name=$(node -p 'process.platform + "-" + process.arch').node
mkdir -p prebuilt
./build.sh "prebuilt/$name"
strip --strip-unneeded "prebuilt/$name"
sha256sum ./*.c ./*.h build.sh "prebuilt/$name" > prebuilt/checksums.txt
