#!/bin/sh
# Sends a message of the Data Model API: `./data-model.sh patient-search.json`. Where the API key
# serves several sources, the message names one as Meta.Source.ID.
#
# HEADER_FILE      file with the line `Authorization: Bearer …`: /redox/curl.header
# DATA_MODEL_URL   US when absent. Canada: https://api.ca.redoxengine.com/endpoint
set -eu
curl --silent --show-error --fail-with-body --max-time 60 \
  --header "@${HEADER_FILE:-/redox/curl.header}" \
  --header 'Content-Type: application/json' \
  --data-binary "@${1:?is the file with the message}" \
  "${DATA_MODEL_URL:-https://api.redoxengine.com/endpoint}"
