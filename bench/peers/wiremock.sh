#!/bin/sh
# WireMock from npm, on the system's Java, without its journal of requests (with it memory grows without bound).
set -eu
. "$(dirname "$0")/../../clients/_lib/npm.sh"
version=3.13.2
npm_client "wiremock@$version" >&2
printf '%s\n' "$version" "$(command -v java)" -jar \
  "$CLIENT_DIR/node_modules/wiremock/build/wiremock-standalone-$version.jar" \
  --bind-address 127.0.0.1 --port PORT --root-dir . --no-request-journal --disable-banner
