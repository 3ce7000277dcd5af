#!/bin/sh
# Schemathesis in a virtual environment in CLIENT_DIR; `run.sh install` stops after the installation.
# SPEC_TOKEN and SPEC_ECOM are the official OpenAPI documents; without them only our own document is driven.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
CLIENT_DIR=${CLIENT_DIR:-$(mktemp -d)}
mark="$CLIENT_DIR/installed-schemathesis-4.32.5"
if [ ! -e "$mark" ]; then
  python3 -m venv --clear "$CLIENT_DIR"
  "$CLIENT_DIR/bin/pip" -q --disable-pip-version-check install schemathesis==4.32.5
  : > "$mark"
fi
[ "${1:-}" = install ] && exit
# Hypothesis would keep its notes where it is started.
export HYPOTHESIS_STORAGE_DIRECTORY="$CLIENT_DIR/hypothesis"
exec "$CLIENT_DIR/bin/python" -B "$here/driver.py"
