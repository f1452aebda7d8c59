import { defineConfig, type Project } from '@playwright/test';
import { checkBuild } from './support/check-build';
import { headlessShell } from './support/chromium';
import { defaultLives, shortLives } from './support/servers';

// Each spec runs twice, alive and without JavaScript; those that need a living page are called *.hydrated.spec.ts.
const hydrated = /\.hydrated\.spec\.ts$/;
// What people do every day runs once more where an access token lives for three seconds.
const normalUse = /(journey|profile|notes|short-lived\.hydrated)\.spec\.ts$/;
const shortLivedOnly = /short-lived\.hydrated\.spec\.ts$/;

const tests: Project[] = [
  { name: 'hydrated', testIgnore: shortLivedOnly, use: { baseURL: defaultLives.url } },
  { name: 'no-javascript', testIgnore: hydrated, use: { baseURL: defaultLives.url, javaScriptEnabled: false } },
  { name: 'short-lived', testMatch: normalUse, use: { baseURL: shortLives.url } },
];

// Not a test: takes pictures when it is told where to put them. See screenshots.ts.
const screenshots: Project = {
  name: 'screenshots',
  testDir: '.',
  testMatch: 'screenshots.ts',
  use: { baseURL: defaultLives.url },
};

const takesScreenshots = Boolean(process.env.TOKENLIFE_SCREENSHOTS);

// Here, for Playwright starts the servers before it runs a globalSetup.
checkBuild();

export default defineConfig({
  testDir: 'tests',
  forbidOnly: Boolean(process.env.CI),
  fullyParallel: true,
  // One more than cores: some tests wait for a token to end.
  workers: 3,
  // A build that is broken altogether shows itself sooner.
  maxFailures: 25,
  // What passes only at a later try is told as flaky, and does not hold up everything else.
  retries: 2,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['./support/in-short.ts']],
  use: {
    launchOptions: headlessShell(),
    locale: 'en-GB',
    // A trace of everything costs a fifth of the time; for a single test: npx playwright test -g "…" --trace on
    screenshot: 'only-on-failure',
  },
  projects: takesScreenshots ? [screenshots] : tests,
  webServer: takesScreenshots ? defaultLives.start() : [...defaultLives.start(), ...shortLives.start()],
});
