// Takes screenshots for review; not part of the tests.
//   TOKENLIFE_SCREENSHOTS=/some/folder npx playwright test

import { join } from 'node:path';
import { expect, newUser, paths, test } from './fixtures';
import type { Site } from './support/site';
import { signIn } from './support/users';

const folder = process.env.TOKENLIFE_SCREENSHOTS ?? '.';
const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/26.0 Mobile/15E148 Safari/604.1';
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0';
const WIDTHS = [1280, 390];
const SCHEMES = ['light', 'dark'] as const;

async function take(site: Site, name: string): Promise<void> {
  for (const width of WIDTHS) {
    for (const colorScheme of SCHEMES) {
      await site.page.setViewportSize({ width, height: 800 });
      await site.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await site.page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`), fullPage: true });
    }
  }
}

test('home, sign-in and sign-up', async ({ site, page, problems }) => {
  problems.allow(422, paths.api.signUp);
  await site.goto(paths.HOME);
  await take(site, 'home');
  await site.goto(paths.LOGIN);
  await take(site, 'login');
  await site.goto(paths.SIGN_UP);
  await site.fill({ 'E-mail address': 'robin@example', 'Display name': 'Robin', Password: 'sunshine' });
  await site.button('Create account').click();
  await expect(page.getByText('like name@example.com')).toBeVisible();
  await take(site, 'signup-with-errors');
});

test('sessions', async ({ site, page, playwright, origin, signedIn }) => {
  for (const userAgent of [SAFARI, FIREFOX, '']) {
    await (await signIn(playwright.request, origin, signedIn, userAgent)).dispose();
  }
  await site.goto(paths.SESSIONS);
  await expect(page.getByText('Safari on iPhone')).toBeVisible();
  await take(site, 'sessions');
});

test('account', async ({ site, page }) => {
  await site.goto(paths.SIGN_UP);
  await site.signUp({ ...newUser(), email: 'robin@example.com', displayName: 'Robin Larkspur' });
  await site.isAt(paths.ACCOUNT, 'Account');
  await take(site, 'account');
  await page.getByRole('link', { name: 'tokenlife' }).click();
  await expect(page.getByText('Welcome back, Robin Larkspur.')).toBeVisible();
  await take(site, 'home-signed-in');
});
