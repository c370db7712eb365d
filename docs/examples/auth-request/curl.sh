#!/bin/sh
# Requests an access token with curl and prints the answer. Its settings are those of assertion.sh.
#
#   CLIENT_ID=… KEY_ID=… PRIVATE_KEY_FILE=private-key.pem ./curl.sh > token.json
set -eu
assertion=$("$(dirname "$0")/assertion.sh")
# Through a pipe: arguments are shown in the list of processes.
printf '%s' "$assertion" | curl --silent --show-error --fail-with-body --max-time 15 \
  --data-urlencode grant_type=client_credentials \
  --data-urlencode client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  --data-urlencode client_assertion@- \
  "${TOKEN_URL:-https://api.redoxengine.com/v2/auth/token}"
