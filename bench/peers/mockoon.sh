#!/bin/sh
# Mockoon's command line with the official eCom document, SPEC.
set -eu
. "$(dirname "$0")/../../clients/_lib/npm.sh"
version=9.9.0
npm_client "@mockoon/cli@$version" >&2
printf '%s\n' "$version" "$(command -v node)" "$CLIENT_DIR/node_modules/.bin/mockoon-cli" start \
  --hostname 127.0.0.1 --port PORT --disable-log-to-file --data "$SPEC"
