#!/bin/sh
# localstripe, in a virtual environment. It keeps its store in one file in /tmp, wherever it runs.
set -eu
version=1.15.10
mark="$CLIENT_DIR/installed-localstripe-$version"
if [ ! -e "$mark" ]; then
  python3 -m venv --clear "$CLIENT_DIR"
  "$CLIENT_DIR/bin/pip" -q --disable-pip-version-check install "localstripe==$version" >&2
  : > "$mark"
fi
printf '%s\n' "$version" "$CLIENT_DIR/bin/localstripe" --from-scratch --port PORT
