import { expect, newUser, paths, test } from '../fixtures';
import type { Site } from '../support/site';

const { api } = paths;

const PAYLOADS = [
  '<script>window.__xss=1</script>',
  '"><img src=x onerror=window.__xss=1>',
  '</textarea><script>window.__xss=1</script>',
  '</script><script>window.__xss=1</script>',
  '<!--<script>window.__xss=1//',
  "' autofocus onfocus='window.__xss=1",
  '\\u003cscript>window.__xss=1</script>\u2028"',
  '</title><svg onload=window.__xss=1>',
];

async function nothingRan(site: Site): Promise<void> {
  expect(await site.page.evaluate(() => '__xss' in window)).toBe(false);
}

test('a display name is only text, whatever it looks like', async ({ site, page, signedIn: _ }) => {
  for (const payload of PAYLOADS.filter((text) => !text.includes('\u2028'))) {
    await test.step(payload, async () => {
      await site.goto(paths.ACCOUNT);
      await site.rename(payload);
      await site.isSaved();
      await expect(site.field('Display name')).toHaveValue(payload);
      await page.getByRole('link', { name: 'tokenlife' }).click();
      await expect(page.getByText(`Welcome back, ${payload}.`)).toBeVisible();
      await nothingRan(site);

      // And as the server renders it.
      await site.goto(paths.HOME);
      await expect(page.getByText(`Welcome back, ${payload}.`)).toBeVisible();
      await site.goto(paths.ACCOUNT);
      await expect(site.field('Display name')).toHaveValue(payload);
      await nothingRan(site);
    });
  }
});

test('what a refused form shows again is only text', async ({ site, page, problems }) => {
  problems.allow(422, api.signUp);
  await site.goto(paths.SIGN_UP);
  for (const payload of PAYLOADS) {
    await site.fill({ 'E-mail address': payload, 'Display name': payload, Password: newUser().password });
    expect(await site.send('Create account', api.signUp)).toBe(422);
    await expect(site.field('E-mail address')).toBeFocused();
    await expect(site.field('E-mail address')).toHaveValue(payload);
    await expect(site.field('Display name')).toHaveValue(payload);
    await expect(page.getByText('like name@example.com')).toBeVisible();
    await nothingRan(site);
  }
});

test('what the address bar says is only text', async ({ site, page, problems }) => {
  for (const payload of PAYLOADS) {
    const text = encodeURIComponent(payload);
    await site.goto(`${paths.LOGIN}?return_to=/account?x=${text}`);
    await site.isAt(`${paths.LOGIN}?return_to=/account?x=${text}`, 'Sign in');
    await expect(page.getByText('__xss')).toHaveCount(0);
    await nothingRan(site);
  }
  const nowhere = `/nowhere/${encodeURIComponent('<script>__xss=1</script>')}`;
  problems.allow(404, new URL(nowhere, page.url()).pathname);
  expect((await site.goto(nowhere)).status()).toBe(404);
  await nothingRan(site);
});

// Leptos would take a form's error from the address (`ServerFnUrlError`); a link must not choose the text on our pages.
test('an error that a link claims is not shown', async ({ site, page }) => {
  const claims = [
    { code: 'unauthenticated' },
    { code: 'validation', detail: [{ field: 'email', problem: 'taken' }] },
    'nonsense',
  ];
  for (const claim of claims) {
    const error = Buffer.from(JSON.stringify(claim)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await site.goto(`${paths.LOGIN}?__path=${encodeURIComponent(api.login)}&__err=${encodeURIComponent(error)}`);
    await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
    await expect(page.getByRole('alert')).toHaveCount(0);
    await expect(site.field('E-mail address')).not.toHaveAttribute('aria-invalid');
  }
});
