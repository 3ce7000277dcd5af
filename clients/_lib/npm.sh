# Sourced by the scripts of npm clients: installs PACKAGE@VERSION, or several with blanks between, into CLIENT_DIR unless that was finished before.
# shellcheck shell=sh
npm_client() {
  CLIENT_DIR=${CLIENT_DIR:-$(mktemp -d)}
  export CLIENT_DIR
  mark="$CLIENT_DIR/installed-$(printf %s "$1" | tr -c 'a-zA-Z0-9.\n' '-')"
  [ -e "$mark" ] && return
  # An interrupted installation leaves half a tree, which npm would not repair.
  rm -rf "$CLIENT_DIR/node_modules"
  mkdir -p "$CLIENT_DIR"
  npm install --silent --no-save --no-audit --no-fund --prefix "$CLIENT_DIR" $1 >/dev/null
  : > "$mark"
}
