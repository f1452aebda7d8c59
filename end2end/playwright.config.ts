import { defineConfig, type Project } from '@playwright/test';
import { checkBuild } from './support/check-build';
import { headlessShell } from './support/chromium';
import { defaultLives, shortLives } from './support/servers';

// Each spec runs twice, hydrated and without JavaScript; those that need hydration are named *.hydrated.spec.ts.
const hydrated = /\.hydrated\.spec\.ts$/;
// The everyday specs run once more with an access token lifetime of three seconds.
const normalUse = /(journey|profile|notes|short-lived\.hydrated)\.spec\.ts$/;
const shortLivedOnly = /short-lived\.hydrated\.spec\.ts$/;

const tests: Project[] = [
  { name: 'hydrated', testIgnore: shortLivedOnly, use: { baseURL: defaultLives.url } },
  { name: 'no-javascript', testIgnore: hydrated, use: { baseURL: defaultLives.url, javaScriptEnabled: false } },
  { name: 'short-lived', testMatch: normalUse, use: { baseURL: shortLives.url } },
];

// Not a test: takes screenshots if a folder is given. See screenshots.ts.
const screenshots: Project = {
  name: 'screenshots',
  testDir: '.',
  testMatch: 'screenshots.ts',
  use: { baseURL: defaultLives.url },
};

const takesScreenshots = Boolean(process.env.TOKENLIFE_SCREENSHOTS);

// Here, because Playwright starts the servers before it runs a globalSetup.
checkBuild();

export default defineConfig({
  testDir: 'tests',
  forbidOnly: Boolean(process.env.CI),
  fullyParallel: true,
  // One more than cores: some tests wait for a token to end.
  workers: 3,
  // A build that is broken altogether fails sooner.
  maxFailures: 25,
  // A test that passes only on a retry is reported as flaky, and does not delay the others.
  retries: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['./support/in-short.ts']],
  use: {
    launchOptions: headlessShell(),
    locale: 'en-GB',
    // Tracing every test costs a fifth of the time; for a single test: npx playwright test -g "…" --trace on
    screenshot: 'only-on-failure',
  },
  projects: takesScreenshots ? [screenshots] : tests,
  webServer: takesScreenshots ? defaultLives.start() : [...defaultLives.start(), ...shortLives.start()],
});
