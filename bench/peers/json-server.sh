#!/bin/sh
# json-server, the last version that is not a beta; its database is a file in the folder where it runs.
set -eu
. "$(dirname "$0")/../../clients/_lib/npm.sh"
version=0.17.4
npm_client "json-server@$version" >&2
printf '%s\n' "$version" "$(command -v node)" "$CLIENT_DIR/node_modules/.bin/json-server" \
  --quiet --host 127.0.0.1 --port PORT db.json
