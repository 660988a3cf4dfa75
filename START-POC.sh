#!/bin/sh
# Starts the demonstration. Only Node is needed; everything else is fetched into this folder.
cd "$(dirname "$0")" || exit 1

if ! command -v node >/dev/null 2>&1; then
  echo "seqd needs Node 20.19 or newer, and there is none on your PATH. Get it from https://nodejs.org" >&2
  exit 1
fi
# The script itself needs a newer Node than one that could tell why it fails.
version=$(node -p 'process.versions.node')
major=${version%%.*}
rest=${version#*.}
minor=${rest%%.*}
if [ "$major" -lt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -lt 19 ]; }; then
  echo "seqd needs Node 20.19 or newer, this is $version. Get it from https://nodejs.org" >&2
  exit 1
fi
exec node scripts/start-poc.mjs "$@"
