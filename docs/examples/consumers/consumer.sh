#!/bin/sh
# Calls FHIR every few seconds with the mounted token. Needs curl 7.55 or newer and a POSIX shell.
#
# REDOX_DIRECTORY   where the Secret is mounted: /redox
# INTERVAL          seconds between two calls: 10
#
# curl reads the header from the file, so that the token stands in no variable and no list of
# processes.
set -u
directory=${REDOX_DIRECTORY:-/redox}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
trap 'exit 0' TERM INT

# The link ..data leads to a directory of one version of the Secret, and is swapped as a whole.
look() {
  version=$(readlink -f "$directory/..data")
  expires_at=$(cat "$version/expires_at")
}

changed() {
  [ "$(readlink -f "$directory/..data")" != "$version" ]
}

# Prints the HTTP status; 000 where there was no answer, or the version is gone.
get() {
  curl --silent --max-time 10 --output "$answer" --write-out '%{http_code}' \
    --header "@$version/curl.header" "$(cat "$version/fhir.url")/Patient?_count=1"
}

while true; do
  look
  status=$(get)
  # The token may have been replaced meanwhile: once more with the new one.
  if [ "$status" != 200 ] && changed; then
    look
    status=$(get)
  fi
  echo "HTTP $status, token valid until $expires_at"
  sleep "${INTERVAL:-10}" &
  wait $!
done
