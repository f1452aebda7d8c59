import type { LaunchOptions } from '@playwright/test';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const SHELL_NAMES = ['chromium-headless-shell', 'chrome-headless-shell'];

// Nothing but the pages under test: no updates, no services of the browser's vendor, no protocol besides HTTP.
const ARGS = [
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's own Chromium, or the one that `TOKENLIFE_CHROMIUM` names; with `CHROMIUM`, for all tests. */
export function chromium(): LaunchOptions {
  const isRoot = process.getuid?.() === 0;
  return {
    executablePath: process.env.TOKENLIFE_CHROMIUM || process.env.CHROMIUM || named(NAMES),
    // Chromium refuses to run as root with its sandbox; Playwright then adds --no-sandbox.
    chromiumSandbox: !isRoot,
    args: ARGS,
  };
}

/**
 * The same browser without its windows, if there is one: the engine that pages meet is the same, and the tests take half
 * the time. It has no back/forward cache.
 */
export function headlessShell(): LaunchOptions {
  const executablePath = process.env.TOKENLIFE_HEADLESS_SHELL || findOnPath(SHELL_NAMES);
  return executablePath && !process.env.CHROMIUM ? { ...chromium(), executablePath } : chromium();
}

function named(names: string[]): string {
  const found = findOnPath(names);
  if (!found) {
    throw new Error(`No Chromium found (${names.join(', ')}). Install one, or name it in CHROMIUM.`);
  }
  return found;
}

function findOnPath(names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const file of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there: try the next one.
    }
  }
  return undefined;
}
