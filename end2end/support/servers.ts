import type { PlaywrightTestConfig } from '@playwright/test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

type WebServer = Exclude<PlaywrightTestConfig['webServer'], readonly unknown[] | undefined>;

const projectRoot = resolve(import.meta.dirname, '../..');
export const binary = resolve(process.env.TOKENLIFE_BINARY || join(projectRoot, 'target/release/tokenlife'));
export const siteRoot = resolve(projectRoot, process.env.LEPTOS_SITE_ROOT || 'target/site');

// Not the port of anybody's own server. Somebody else who tests here at the same time takes another.
const firstPort = Number(process.env.TOKENLIFE_TEST_PORT || 3210);

// Everybody comes from one address here, so the limits must never be what a test runs into.
const NO_LIMIT = '100000/min';

class Server {
  readonly url: string;

  constructor(
    private readonly port: number,
    private readonly settings: Record<string, string> = {},
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** The release binary with an empty data folder, which goes when the run ends. */
  start(): WebServer {
    return {
      command: `exec "${binary}"`,
      cwd: projectRoot,
      url: `${this.url}/health/ready`,
      reuseExistingServer: false,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 5_000 },
      timeout: 15_000,
      env: {
        LEPTOS_HASH_FILES: 'true',
        LEPTOS_SITE_ROOT: siteRoot,
        LEPTOS_SITE_ADDR: `127.0.0.1:${this.port}`,
        TOKENLIFE__DATA__DIR: freshFolder(),
        TOKENLIFE__HTTP__PUBLIC_URL: this.url,
        TOKENLIFE__LIMITS__PASSWORD_RATING_PER_ADDRESS: NO_LIMIT,
        TOKENLIFE__LIMITS__SIGN_IN_PER_ACCOUNT: NO_LIMIT,
        TOKENLIFE__LIMITS__SIGN_IN_PER_ADDRESS: NO_LIMIT,
        TOKENLIFE__LIMITS__SIGN_UP_PER_ADDRESS: NO_LIMIT,
        TOKENLIFE__LOG__FILTER: 'warn',
        ...this.settings,
      },
    };
  }
}

// The settings as they come: access for an hour, a session for 30 days.
export const defaultLives = new Server(firstPort);
// Access for three seconds, so that refreshes really happen while a person clicks.
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
