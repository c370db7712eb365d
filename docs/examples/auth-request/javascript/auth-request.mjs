// Requests an access token and prints the answer. After `npm ci`:
//
//   CLIENT_ID=… KEY_ID=… PRIVATE_KEY_FILE=private-key.pem node auth-request.mjs > token.json
//
// CLIENT_ID          the OAuth API key's client ID
// PRIVATE_KEY_FILE   the private key: a PEM or a JWK
// KEY_ID             the kid under which the public key is registered; the JWK's own when absent
// ALGORITHM          RS384 when absent; ES256, ES384 or ES512 for an EC key, by its curve
// TOKEN_URL          US when absent. Canada: https://api.ca.redoxengine.com/v2/auth/token

import { createPrivateKey, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import axios from 'axios';
import { SignJWT } from 'jose';

const { CLIENT_ID: clientId, PRIVATE_KEY_FILE: keyFile, ALGORITHM: alg = 'RS384' } = process.env;
const tokenUrl = process.env.TOKEN_URL ?? 'https://api.redoxengine.com/v2/auth/token';

const content = await readFile(keyFile, 'utf8');
const jwk = content.trimStart().startsWith('{') ? JSON.parse(content) : undefined;
const privateKey = createPrivateKey(jwk ? { key: jwk, format: 'jwk' } : content);
const kid = process.env.KEY_ID ?? jwk?.kid;

// Backdated, because Redox refuses what is issued more than 10 s in its future.
const issuedAt = Math.floor(Date.now() / 1000) - 30;
const assertion = await new SignJWT()
  .setProtectedHeader({ alg, typ: 'JWT', kid })
  .setIssuer(clientId)
  .setSubject(clientId)
  .setAudience(tokenUrl)
  .setIssuedAt(issuedAt)
  .setExpirationTime(issuedAt + 300)
  .setJti(randomUUID())
  .sign(privateKey);

try {
  const response = await axios.post(
    tokenUrl,
    new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }),
    { timeout: 15_000 },
  );
  console.log(JSON.stringify(response.data));
} catch (error) {
  // Not the error itself: axios keeps the request in it, and with it the assertion.
  console.error(error.response?.status ?? error.code, error.response?.data ?? error.message);
  process.exitCode = 1;
}
