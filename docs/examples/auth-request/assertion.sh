#!/bin/sh
# Prints a client assertion (RFC 7523): a JWT signed with RS384, for one request within five minutes.
# Needs openssl and a POSIX shell. An EC key needs another form of signature than openssl writes: see
# the examples in JavaScript and Python.
#
# CLIENT_ID          the OAuth API key's client ID
# KEY_ID             the kid under which the public key is registered
# PRIVATE_KEY_FILE   the RSA private key, PEM
# TOKEN_URL          US when absent. Canada: https://api.ca.redoxengine.com/v2/auth/token
set -eu
: "${CLIENT_ID:?is the client ID of the OAuth API key}"
: "${KEY_ID:?is the kid under which the public key is registered}"
: "${PRIVATE_KEY_FILE:?is the path of the private key, PEM}"
token_url=${TOKEN_URL:-https://api.redoxengine.com/v2/auth/token}

base64url() {
  openssl base64 -A | tr '+/' '-_' | tr -d '='
}

# Backdated, because Redox refuses what is issued more than 10 s in its future.
issued_at=$(($(date +%s) - 30))
header=$(printf '{"alg":"RS384","typ":"JWT","kid":"%s"}' "$KEY_ID" | base64url)
claims=$(printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%d,"exp":%d,"jti":"%s"}' \
  "$CLIENT_ID" "$CLIENT_ID" "$token_url" "$issued_at" $((issued_at + 300)) "$(openssl rand -hex 16)" |
  base64url)
signature=$(printf '%s.%s' "$header" "$claims" |
  openssl dgst -sha384 -sign "$PRIVATE_KEY_FILE" -binary | base64url)
test -n "$signature"
printf '%s.%s.%s' "$header" "$claims" "$signature"
