#!/bin/sh
# The official JavaScript SDK in CLIENT_DIR; `run.sh install` stops after the installation.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
npm_client @vippsmobilepay/sdk@2.4.2
[ "${1:-}" = install ] && exit
exec node --import "$here/../_lib/redirect.mjs" "$here/driver.mjs"
