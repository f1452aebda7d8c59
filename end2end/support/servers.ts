import type { PlaywrightTestConfig } from '@playwright/test';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';

type WebServer = Exclude<PlaywrightTestConfig['webServer'], readonly unknown[] | undefined>;

const projectRoot = resolve(import.meta.dirname, '../..');
export const binary = resolve(process.env.TOKENLIFE_BINARY || join(projectRoot, 'target/release/tokenlife'));
// In debug, as the other tests build it: a release of it would compile every library again.
export const notesBinary = resolve(process.env.TOKENLIFE_NOTES_BINARY || join(projectRoot, 'target/debug/notes'));
export const siteRoot = resolve(projectRoot, process.env.LEPTOS_SITE_ROOT || 'target/site-release');

// Not the port of a development server. A second test run on the same machine takes another.
const firstPort = Number(process.env.TOKENLIFE_TEST_PORT || 3210);

// All clients have one address here, so no test may run into the limits.
const NO_LIMIT = '100000/min';

class Server {
  readonly url: string;
  readonly notesUrl: string;

  constructor(
    private readonly port: number,
    private readonly settings: Record<string, string> = {},
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.notesUrl = `http://127.0.0.1:${port + 50}`;
  }

  /** The release binary and its upstream, with an empty data folder, which is removed when the run ends. */
  start(): WebServer[] {
    const folder = freshFolder();
    const both = {
      cwd: projectRoot,
      reuseExistingServer: false,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 } as const,
      timeout: 15_000,
    };
    return [
      { ...both, command: `exec ${quoted(this.command(folder))}`, url: `${this.url}/health/ready`, env: this.env(folder) },
      { ...both, command: `exec ${quoted(this.notesCommand(folder))}`, url: `${this.notesUrl}/health` },
    ];
  }

  command(folder: string): string[] {
    // The shipped settings, except for the address of the upstream.
    const settings = join(folder, 'Leptos.toml');
    const shipped = readFileSync(join(projectRoot, 'Leptos.toml'), 'utf8');
    if (folder) {
      writeFileSync(settings, shipped.replaceAll('http://127.0.0.1:4000', this.notesUrl));
    }
    return [binary, '--config', settings];
  }

  notesCommand(folder: string): string[] {
    const { host } = new URL(this.notesUrl);
    const jwks = `${this.url}/.well-known/jwks.json`;
    const database = join(folder, 'notes.sqlite3');
    const tokens = ['--issuer', this.url, '--audience', this.notesUrl, '--jwks', jwks];
    return [notesBinary, '--listen', host, '--database', database, ...tokens];
  }

  env(folder: string): Record<string, string> {
    return {
      LEPTOS_HASH_FILES: 'true',
      LEPTOS_SITE_ROOT: siteRoot,
      LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}`,
      TOKENLIFE__DATA__DIR: folder,
      TOKENLIFE__HTTP__PUBLIC_URL: this.url,
      TOKENLIFE__LIMITS__PASSWORD_RATING_PER_ADDRESS: NO_LIMIT,
      TOKENLIFE__LIMITS__SIGN_IN_PER_ACCOUNT: NO_LIMIT,
      TOKENLIFE__LIMITS__SIGN_IN_PER_ADDRESS: NO_LIMIT,
      TOKENLIFE__LIMITS__SIGN_UP_PER_ADDRESS: NO_LIMIT,
      TOKENLIFE__LOG__FILTER: 'warn',
      ...this.settings,
    };
  }
}

/** A server and a service that a test starts and kills by itself. */
export class Pair {
  // Playwright runs a file in one worker at a time.
  readonly #about = new Server(firstPort + 2);
  readonly url = this.#about.url;
  #folder = '';
  #server?: ChildProcess;
  #notes?: ChildProcess;

  async start(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'tokenlife-end2end-'));
    this.#server = run(this.#about.command(this.#folder), this.#about.env(this.#folder));
    await isReady(`${this.url}/health/ready`);
    await this.startNotes();
  }

  async startNotes(): Promise<void> {
    this.#notes = run(this.#about.notesCommand(this.#folder));
    await isReady(`${this.#about.notesUrl}/health`);
  }

  async killNotes(): Promise<void> {
    await end(this.#notes);
  }

  async stop(): Promise<void> {
    await end(this.#notes);
    await end(this.#server);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function run([program = '', ...args]: string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(program, args, { cwd: projectRoot, env: { ...process.env, ...env }, stdio: 'ignore' });
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child?.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

async function isReady(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) {
      return;
    }
    await setTimeout(50);
  }
  throw new Error(`no response from ${url}`);
}

function quoted(words: string[]): string {
  return words.map((word) => `"${word}"`).join(' ');
}

// The shipped settings: access for an hour, a session for 30 days.
export const defaultLives = new Server(firstPort);
// Access for three seconds, so that refreshes really happen while a user clicks.
export const shortLives = new Server(firstPort + 1, { TOKENLIFE__AUTH__ACCESS_TTL: '3s' });

function freshFolder(): string {
  // The workers read the configuration, too; only the process that starts the servers needs a folder.
  if (process.env.TEST_WORKER_INDEX !== undefined) {
    return '';
  }
  const folder = mkdtempSync(join(tmpdir(), 'tokenlife-end2end-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
