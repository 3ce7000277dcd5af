#!/bin/sh
# Newman in CLIENT_DIR; `run.sh install` stops after the installation.
# COLLECTIONS is a folder below which the official collections are, POSTMAN_ENV their common environment file.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
npm_client newman@6.2.2
[ "${1:-}" = install ] && exit
exec node "$here/driver.mjs"
