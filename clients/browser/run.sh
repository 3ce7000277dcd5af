#!/bin/sh
# Chromium of this system, driven by Playwright; axe judges accessibility. Both packages go into CLIENT_DIR;
# `run.sh install` stops after the installation. PORTAL_URL and PRODUCTION_URL are the portal and production.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
npm_client "playwright-core@1.65.1 axe-core@4.14.1"
[ "${1:-}" = install ] && exit
exec node "$here/${1:-driver}.mjs"
