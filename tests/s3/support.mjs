// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of the S3 Vectors server share: the real executable, and the official SDK in front
// of it.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const require = createRequire(new URL('../web/package.json', import.meta.url));
export const sdk = require('@aws-sdk/client-s3vectors');

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = process.env.EDB_BIN ?? path.join(PROJECT, 'build/dev/bin');

export const KEYS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'a/secret+that=is/in+no+log'
};
export const REGION = 'us-west-2';
export const ACCOUNT = '123456789012';
export const arn = (bucket, index) =>
    `arn:aws:s3vectors:${REGION}:${ACCOUNT}:bucket/${bucket}${index ? `/index/${index}` : ''}`;

const children = [];
/** Ends the servers that a failed test has left. */
export const stopAll = () => children.forEach((child) => child.kill('SIGKILL'));

/** A folder that is gone when the process ends. */
export function folder() {
  const made = mkdtempSync(path.join(tmpdir(), 'edb-s3-'));
  process.on('exit', () => rmSync(made, {recursive: true, force: true}));
  return made;
}

/**
 * A server on a free port. `stop` gives its exit code; `log` is what it has said.
 * `databases` are URIs.
 */
export async function serve(databases, {keys = KEYS, options = ''} = {}) {
  const named = databases.map((uri) => `database-uri=${encodeURIComponent(uri)}`).join('&');
  const uri = `s3vectors://127.0.0.1:0?${named}&region=${REGION}&idle-timeout=1${options}`;
  const {AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, ...env} = process.env;
  if (keys) {
    env.AWS_ACCESS_KEY_ID = keys.accessKeyId;
    env.AWS_SECRET_ACCESS_KEY = keys.secretAccessKey;
  }
  const child = spawn(path.join(BIN, 'embeddingsdb'), ['server', '-server-uri', uri], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const server = {log: ''};
  const ended = new Promise((resolve) => child.on('exit', (code) => resolve(code)));
  children.push(child);
  server.address = await new Promise((resolve, reject) => {
    child.stderr.on('data', (data) => {
      server.log += data;
      const found = /Server listening address=(\S+)/.exec(server.log);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${server.log}`)));
  });
  server.endpoint = `http://${server.address}`;
  server.stop = () => {
    child.kill('SIGTERM');
    return ended;
  };
  server.kill = () => {
    child.kill('SIGKILL');
    return ended;
  };
  return server;
}

export function client(server, settings = {}) {
  return new sdk.S3VectorsClient({
    endpoint: server.endpoint,
    region: REGION,
    credentials: KEYS,
    maxAttempts: 1,
    ...settings,
  });
}

/** `send('GetIndex', {...})` of a client. */
export const sender = (s3) => async (name, input) => {
  const {$metadata, ...answer} = await s3.send(new sdk[`${name}Command`](input));
  return answer;
};
