#!/bin/sh
# emulate (vercel-labs), its Stripe. It wants Node 24, so a newer one lies beside it where the system's is older.
# Version 1.0.2 of that name on npm is something else.
set -eu
. "$(dirname "$0")/../../clients/_lib/npm.sh"
version=0.12.2
node=$(command -v node)
packages=emulate@$version
if ! node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)'; then
  kind=node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
  packages="$packages $kind@24.21.0"
  node="$CLIENT_DIR/node_modules/$kind/bin/node"
fi
npm_client "$packages" >&2
printf '%s\n' "$version" "$node" "$CLIENT_DIR/node_modules/.bin/emulate" start --service stripe --port PORT
