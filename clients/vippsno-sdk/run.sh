#!/bin/sh
# The first official Node SDK in CLIENT_DIR; `run.sh install` stops after the installation.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
npm_client @vippsno/vipps-sdk@0.9.13
[ "${1:-}" = install ] && exit
exec node --import "$here/../_lib/redirect.mjs" "$here/driver.mjs"
