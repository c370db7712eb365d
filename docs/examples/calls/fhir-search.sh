#!/bin/sh
# Searches for patients: `./fhir-search.sh family=Example birthdate=1970-01-01`. Its settings are
# those of fhir-read.sh.
set -eu
# In the body: addresses end up in logs, and these would name patients.
for parameter in "$@"; do
  set -- "$@" --data-urlencode "$parameter"
  shift
done
curl --silent --show-error --fail-with-body --max-time 60 \
  --header "@${HEADER_FILE:-/redox/curl.header}" \
  ${SOURCE_ID:+--header "Redox-Source-Id: $SOURCE_ID"} \
  --request POST "$@" \
  "${FHIR_URL:-$(cat /redox/fhir.url)}/Patient/_search"
