#!/bin/sh
# Starts the platform beside the job, waits until it is ready, and hands its keys to the steps that follow. The runner
# ends it with the job; it keeps nothing on disk, and its log is in the runner's temporary folder.
set -eu
folder=$(mktemp -d "${RUNNER_TEMP:-/tmp}/sandkasse.XXXXXX")
"$SANDKASSE_BINARY" --database sqlite::memory: --test 127.0.0.1:0 --production 127.0.0.1:0 --portal 127.0.0.1:0 \
  --ready-file "$folder/ready.json" --quiet < /dev/null > "$folder/sandkasse.log" 2>&1 &
platform=$!
# If this step fails, nobody learns of the platform: it goes with the step.
trap 'kill "$platform" 2> /dev/null || :' EXIT
until [ -s "$folder/ready.json" ]; do
  if ! kill -0 "$platform" 2> /dev/null; then
    cat "$folder/sandkasse.log"
    exit 1
  fi
  sleep 0.1
done
portal=$(sed 's/.*"portal":"\([^"]*\)".*/\1/' "$folder/ready.json")
"$SANDKASSE_BINARY" env --unit "$SANDKASSE_UNIT" --portal "$portal" > "$folder/keys"
{
  # The environment file of the runner takes values as they are, without quotation marks.
  sed "s/='\(.*\)'\$/=\1/" "$folder/keys"
  echo "SANDKASSE_PORTAL_URL=$portal"
  echo "SANDKASSE_PID=$platform"
} >> "$GITHUB_ENV"
rm "$folder/keys"
trap - EXIT
echo "Sandkasse is ready: $portal"
