#!/bin/sh
# Prism as a mock of the official eCom document, SPEC; quiet.
set -eu
. "$(dirname "$0")/../../clients/_lib/npm.sh"
version=5.16.0
npm_client "@stoplight/prism-cli@$version" >&2
printf '%s\n' "$version" "$(command -v node)" "$CLIENT_DIR/node_modules/.bin/prism" mock \
  --host 127.0.0.1 --port PORT --verboseLevel silent "$SPEC"
