#!/bin/sh
# Prism in CLIENT_DIR; `run.sh install` stops after the installation.
# SPEC_TOKEN and SPEC_ECOM are the official OpenAPI documents.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
# The last version that runs on the Node of Debian.
npm_client @stoplight/prism-cli@5.14.2
[ "${1:-}" = install ] && exit
exec node "$here/driver.mjs"
