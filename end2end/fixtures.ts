import { test as base, expect, type Cookie } from '@playwright/test';
import { Jar } from './support/jar';
import { upstreams } from './support/paths';
import { Problems, reportViolations } from './support/problems';
import { Site } from './support/site';
import { Traffic } from './support/traffic';
import { newUser, signUp, type User } from './support/users';

interface Fixtures {
  /** The server under test. */
  origin: string;
  /** The errors that the browser reported. Every test uses it: unexpected ones fail the test at its end. */
  problems: Problems;
  jar: Jar;
  /** The calls of the first tab. */
  traffic: Traffic;
  /** The first tab. */
  site: Site;
  /** Opens one more tab of the same browser. */
  openTab: () => Promise<Site>;
  account: { user: User; cookies: Cookie[] };
  /** A user with an account, not signed in here. */
  user: User;
  /** A user with an account, signed in here. */
  signedIn: User;
}

export const test = base.extend<Fixtures>({
  origin: async ({ baseURL }, use) => {
    if (!baseURL) {
      throw new Error('every project names its server');
    }
    await use(baseURL);
  },

  problems: [
    async ({ context, origin }, use, { project }) => {
      const problems = new Problems(context, origin);
      // The stream of changes ends with the session. Whether a page is still open then is a matter of chance.
      problems.allow('net::ERR_INCOMPLETE_CHUNKED_ENCODING', upstreams.changes);
      problems.allow(401, upstreams.changes);
      if (project.name === 'short-lived') {
        // A token of a few seconds may end while a call is in flight: the client refreshes then, and retries.
        problems.allow(401, /^\/api\//);
      }
      await context.addInitScript(reportViolations);
      await use(problems);
      expect(problems.left(), 'what the browser complained about').toEqual([]);
    },
    { auto: true },
  ],

  jar: async ({ context, origin }, use) => use(new Jar(context, origin)),

  traffic: async ({ page }, use) => use(new Traffic(page)),

  site: async ({ page, javaScriptEnabled }, use) => use(new Site(page, javaScriptEnabled ?? true)),

  openTab: async ({ context, javaScriptEnabled }, use) =>
    use(async () => new Site(await context.newPage(), javaScriptEnabled ?? true)),

  account: async ({ playwright, origin }, use) => {
    const user = newUser();
    await use({ user, cookies: await signUp(playwright.request, origin, user) });
  },

  user: async ({ account }, use) => use(account.user),

  signedIn: async ({ account, context }, use) => {
    await context.addCookies(account.cookies);
    await use(account.user);
  },
});

export { expect };
export { ALL_THREE, issuedBy, tokenLifeFromNow } from './support/jar';
export * as paths from './support/paths';
export { newUser, type User } from './support/users';
