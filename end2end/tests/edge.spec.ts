import { expect, paths, test } from '../fixtures';

test('the files of a page may be kept for a year, the page itself not at all', async ({ site, page }) => {
  const files = new Map<string, string | undefined>();
  page.on('response', (answer) => {
    const { pathname } = new URL(answer.url());
    if (pathname.startsWith('/pkg/')) {
      files.set(pathname, answer.headers()['cache-control']);
    }
  });
  const document = await site.goto(paths.LOGIN);
  expect(document.headers()['cache-control']).toBe('no-store');
  expect([...files.keys()].filter((path) => path.endsWith('.css'))).toHaveLength(1);
  for (const [path, cacheControl] of files) {
    expect(cacheControl, path).toBe('public, max-age=31536000, immutable');
  }
});

test('a page asks for each of its files once', async ({ site, page }) => {
  const requested: string[] = [];
  page.on('request', (request) => requested.push(new URL(request.url()).pathname));
  await site.goto(paths.LOGIN);
  await page.waitForLoadState('networkidle');
  expect(requested.some((path) => path.endsWith('.wasm'))).toBe(true);
  expect(requested.filter((path, index) => requested.indexOf(path) !== index)).toEqual([]);
});

test('no file of a page comes with a cookie, whatever state the session is in', async ({
  site,
  page,
  signedIn: _,
  jar,
}) => {
  await jar.delete('accessToken');
  const answers: Promise<[string, string | null]>[] = [];
  page.on('response', (answer) => {
    const { pathname } = new URL(answer.url());
    if (pathname.includes('.')) {
      answers.push(answer.headerValue('set-cookie').then((cookie) => [pathname, cookie]));
    }
  });
  await site.goto(paths.ACCOUNT);
  expect(answers.length).toBeGreaterThan(0);
  for (const [path, cookie] of await Promise.all(answers)) {
    expect(cookie, path).toBeNull();
  }
});

test('every page allows only its own scripts', async ({ site }) => {
  const nonces = new Set<string | undefined>();
  for (const path of [paths.HOME, paths.LOGIN, paths.SIGN_UP]) {
    const headers = (await site.goto(path)).headers();
    nonces.add(/script-src 'nonce-([\w-]{22})' 'strict-dynamic'/.exec(headers['content-security-policy'] ?? '')?.[1]);
    expect(headers['content-security-policy']).not.toContain('unsafe-inline');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['referrer-policy']).toBe('same-origin');
  }
  expect(nonces.size).toBe(3);
  expect(nonces).not.toContain(undefined);
});

test('an address without a page says so', async ({ site, page, problems }) => {
  for (const path of ['/nowhere', '/nowhere/at/all', '/login/nowhere']) {
    problems.allow(404, path);
    expect((await site.goto(path)).status()).toBe(404);
    await site.isAt(path, 'Page not found');
    await expect(page).toHaveTitle('Page not found · tokenlife');
  }
  await page.getByRole('link', { name: 'Go to the home page' }).click();
  await site.isAt(paths.HOME, 'Sign in once.');
});

test('a private page cannot be had under the name of a file, which a cache might keep', async ({
  page,
  signedIn,
  problems,
}) => {
  for (const path of ['/account/x.css', '/account.css', '/account/%2e%2e/x.js']) {
    problems.allow(404, new URL(path, 'http://x').pathname);
    const answer = await page.goto(path);
    expect(answer?.status(), path).toBe(404);
    expect(answer?.headers()['cache-control'], path).toBe('no-store');
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Page not found');
    await expect(page.getByText(signedIn.email)).toHaveCount(0);
  }
});

test('every page has its own title', async ({ site, page, signedIn: _ }) => {
  for (const [path, title] of [
    [paths.HOME, 'tokenlife'],
    [paths.LOGIN, 'Sign in · tokenlife'],
    [paths.SIGN_UP, 'Create account · tokenlife'],
    [paths.ACCOUNT, 'Account · tokenlife'],
  ] as const) {
    await site.goto(path);
    await expect(page).toHaveTitle(title);
  }
});
