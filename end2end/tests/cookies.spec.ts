import { ALL_THREE, expect, newUser, paths, test } from '../fixtures';

const HOUR = 3600;
const MONTH = 30 * 24 * HOUR;

test('signing in sets three cookies, with just these attributes', async ({ site, user, jar }) => {
  await site.goto(paths.LOGIN);
  await site.signIn(user);
  await site.isAt(paths.ACCOUNT, 'Account');

  expect(await jar.names()).toEqual(ALL_THREE);
  for (const [name, httpOnly, lives] of [
    ['accessToken', true, HOUR],
    ['refreshToken', true, MONTH],
    ['tokenLife', false, HOUR],
  ] as const) {
    const cookie = await jar.get(name);
    expect(cookie).toMatchObject({ domain: '127.0.0.1', path: '/', sameSite: 'Lax', httpOnly, secure: false });
    const secondsLeft = (cookie?.expires ?? 0) - Date.now() / 1000;
    expect(secondsLeft).toBeGreaterThan(lives - 60);
    expect(secondsLeft).toBeLessThanOrEqual(lives + 1);
  }
  const [issued, expires] = ((await jar.value('tokenLife')) ?? '').split('.').map(Number);
  expect((expires ?? 0) - (issued ?? 0)).toBe(HOUR);
  const together = (await Promise.all(ALL_THREE.map((name) => jar.get(name)))).map(
    (cookie) => `${cookie?.name}=${cookie?.value}`,
  );
  expect(together.join('; ').length).toBeLessThan(1024);
});

test('a script sees when the access token ends, and no token', async ({ site, page, jar }) => {
  await site.goto(paths.SIGN_UP);
  await site.signUp(newUser());
  await site.isAt(paths.ACCOUNT, 'Account');

  expect(await page.evaluate(() => document.cookie)).toMatch(/^tokenLife=\d+\.\d+$/);
  const html = await page.content();
  for (const secret of [await jar.value('accessToken'), await jar.value('refreshToken')]) {
    expect(secret).toBeTruthy();
    expect(html).not.toContain(secret);
  }
  expect(await page.evaluate(() => localStorage.length + sessionStorage.length)).toBe(0);
});

test('signing out leaves no cookie', async ({ site, signedIn: _, jar }) => {
  await site.goto(paths.HOME);
  expect(await jar.names()).toEqual(ALL_THREE);
  await site.signOut();
  expect(await jar.names()).toEqual([]);
});

test('signing in again replaces the session that was there', async ({ site, signedIn, jar, context, origin }) => {
  const earlier = await context.cookies(origin);
  await site.goto(paths.LOGIN);
  await site.signIn(signedIn);
  await site.isAt(paths.ACCOUNT, 'Account');
  expect(await jar.names()).toEqual(ALL_THREE);

  await context.clearCookies();
  await context.addCookies(earlier);
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');
});
