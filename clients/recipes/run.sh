#!/bin/sh
# What reads YAML and runs Python tests, in a virtual environment in CLIENT_DIR; `run.sh install` stops after that.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
CLIENT_DIR=${CLIENT_DIR:-$(mktemp -d)}
mark="$CLIENT_DIR/installed-pyyaml-6.0.2-pytest-8.4.1"
if [ ! -e "$mark" ]; then
  python3 -m venv --clear "$CLIENT_DIR"
  "$CLIENT_DIR/bin/pip" -q --disable-pip-version-check install pyyaml==6.0.2 pytest==8.4.1
  : > "$mark"
fi
[ "${1:-}" = install ] && exit
exec "$CLIENT_DIR/bin/python" -B "$here/driver.py"
