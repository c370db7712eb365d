// Calls FHIR with the mounted token, which is read anew for every request.
//
// Needs Node 20.11 or newer and no packages. Take `readKeys` and `get` into your application, or run
// this file, which calls every few seconds:
//
// REDOX_DIRECTORY   where the Secret is mounted: /redox
// INTERVAL          seconds between two calls: 10

import { readFile, realpath } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const directory = process.env.REDOX_DIRECTORY ?? '/redox';

// Keys of the Secret, all of one version: the link ..data leads to a directory of one version and is
// swapped as a whole; it is followed once. A version that is removed while it is read gives way to
// the next.
export async function readKeys(...names) {
  let missing;
  for (const pause of [0, 10, 100, 1000]) {
    await sleep(pause);
    try {
      const version = await realpath(`${directory}/..data`);
      const values = [];
      for (const name of names) values.push(await readFile(`${version}/${name}`, 'utf8'));
      return values;
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      missing = error;
    }
  }
  throw missing;
}

// GET below the FHIR base URL. A 401 is tried once more if the token has changed meanwhile.
export async function get(path) {
  const keys = await readKeys('authorization', 'fhir.url');
  const response = await send(path, ...keys);
  if (response.status !== 401) return response;
  const newer = await readKeys('authorization', 'fhir.url');
  return newer.join() === keys.join() ? response : send(path, ...newer);
}

function send(path, authorization, baseUrl) {
  const signal = AbortSignal.timeout(10_000);
  return fetch(`${baseUrl}/${path}`, { headers: { authorization }, signal });
}

async function call() {
  try {
    const response = await get('Patient?_count=1');
    if (!response.ok) return `HTTP ${response.status}`;
    return `HTTP ${response.status}, ${(await response.json()).total} patients`;
  } catch (error) {
    return `no answer (${error.cause?.code ?? error.message})`;
  }
}

async function main() {
  while (true) {
    const outcome = await call();
    const [expiresAt] = await readKeys('expires_at');
    console.log(`${outcome}, token valid until ${expiresAt}`);
    await sleep(Number(process.env.INTERVAL ?? 10) * 1000);
  }
}

// A mounted file is a link, and Node knows the module by what it leads to.
if (process.argv[1] && (await realpath(process.argv[1])) === import.meta.filename) {
  // A process with the ID 1 would ignore the signal without a handler.
  process.on('SIGTERM', () => process.exit(0));
  await main();
}
