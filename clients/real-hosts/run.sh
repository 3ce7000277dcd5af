#!/bin/sh
# The official JavaScript SDK and the PyPI client in CLIENT_DIR; `run.sh install` stops after the installation.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../_lib/npm.sh"
npm_client @vippsmobilepay/sdk@2.4.2
export PYTHON_DIR="$CLIENT_DIR/python"
mkdir -p "$PYTHON_DIR"
CLIENT_DIR="$PYTHON_DIR" "$here/../pypi-vipps/run.sh" install
[ "${1:-}" = install ] && exit
exec node "$here/driver.mjs"
