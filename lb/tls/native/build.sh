#!/bin/sh
# Usage: build.sh OUTPUT [HEADERS]. Builds the addon with the headers of the Node that runs, or those given.
set -eu
cd "$(dirname "$0")"
headers=${2:-$(node -p 'require("node:path").join(require("node:path").dirname(process.execPath), "../include/node")')}
exec "${CC:-cc}" -std=gnu11 -O2 -g0 -Wall -Wextra -Werror -fPIC -shared -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
  -Wl,-z,relro,-z,now -Wl,--build-id=none ${CFLAGS:-} -I"$headers" -o "$1" addon.c contexts.c sessions.c tickets.c staples.c strikes.c
