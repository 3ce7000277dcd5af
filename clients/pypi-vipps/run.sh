#!/bin/sh
# The PyPI client in a virtual environment in CLIENT_DIR; `run.sh install` stops after the installation.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
CLIENT_DIR=${CLIENT_DIR:-$(mktemp -d)}
mark="$CLIENT_DIR/installed-vipps-0.1"
if [ ! -e "$mark" ]; then
  python3 -m venv --clear "$CLIENT_DIR"
  "$CLIENT_DIR/bin/pip" -q --disable-pip-version-check install vipps==0.1 requests
  : > "$mark"
fi
[ "${1:-}" = install ] && exit
exec "$CLIENT_DIR/bin/python" -B "$here/driver.py"
