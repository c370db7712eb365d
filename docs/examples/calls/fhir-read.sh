#!/bin/sh
# Reads a FHIR resource: `./fhir-read.sh Patient/<id>`. In a pod that mounts the Secret at /redox,
# nothing needs to be set.
#
# HEADER_FILE   file with the line `Authorization: Bearer …`: /redox/curl.header
# FHIR_URL      base URL with organization and environment: the content of /redox/fhir.url
# SOURCE_ID     only where the API key serves several sources
set -eu
curl --silent --show-error --fail-with-body --max-time 60 \
  --header "@${HEADER_FILE:-/redox/curl.header}" \
  ${SOURCE_ID:+--header "Redox-Source-Id: $SOURCE_ID"} \
  "${FHIR_URL:-$(cat /redox/fhir.url)}/${1:?is what to read, such as Patient/example}"
