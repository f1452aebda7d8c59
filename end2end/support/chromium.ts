import type { LaunchOptions } from '@playwright/test';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

// Nothing but the pages under test: no updates, no services of the browser's maker, no protocol beside HTTP.
const ARGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's own Chromium, or the one that `TOKENLIFE_CHROMIUM` or `CHROMIUM` names. */
export function chromium(): LaunchOptions {
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath: process.env.TOKENLIFE_CHROMIUM || process.env.CHROMIUM || findOnPath(NAMES),
    // Chromium refuses to run as root with its sandbox; Playwright then adds --no-sandbox.
    chromiumSandbox: !isRoot,
    args: ARGS,
  };
}

function findOnPath(names: string[]): string {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const file of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there; the next one.
    }
  }
  throw new Error(`No Chromium found (${names.join(', ')}). Install one, or name it in CHROMIUM.`);
}
