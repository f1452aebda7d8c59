import type { Response } from '@playwright/test';
import { ALL_THREE, expect, issuedBy, paths, test, tokenLifeFromNow } from '../fixtures';

/** The names of the cookies that a response sets, in alphabetical order. */
async function cookiesOf(answer: Response): Promise<string[]> {
  return [...(await issuedBy(answer)).keys()].sort();
}

test('with all three cookies a page leaves them alone', async ({ site, signedIn: _ }) => {
  await site.goto(paths.HOME);
  for (const path of [paths.HOME, paths.ACCOUNT]) {
    expect(await cookiesOf(await site.goto(path))).toEqual([]);
  }
});

test('without an access token the page itself brings three new cookies', async ({ site, page, signedIn, jar }) => {
  await site.goto(paths.ACCOUNT);
  const [access, refresh] = [await jar.value('accessToken'), await jar.value('refreshToken')];
  await jar.delete('accessToken');

  const answer = await site.reload();

  expect(answer.status()).toBe(200);
  expect(await cookiesOf(answer)).toEqual(ALL_THREE);
  await site.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
  await expect(page.getByText(signedIn.email)).toBeVisible();
  expect(await jar.names()).toEqual(ALL_THREE);
  expect(await jar.value('accessToken')).not.toBe(access);
  expect(await jar.value('refreshToken')).not.toBe(refresh);
});

test('a forged token life changes nothing about that', async ({ site, signedIn: _, jar }) => {
  await jar.delete('accessToken');
  await jar.forgeTokenLife('1.99999999999');
  const answer = await site.goto(paths.ACCOUNT);
  expect(await cookiesOf(answer)).toEqual(ALL_THREE);
  await site.showsSomebody();
});

test('without a token life the page brings it back', async ({ site, signedIn: _, jar }) => {
  const life = await jar.value('tokenLife');
  await jar.delete('tokenLife');
  const answer = await site.goto(paths.HOME);
  expect(await cookiesOf(answer)).toEqual(['tokenLife']);
  expect(await jar.value('tokenLife')).toBe(life);
});

test('a form is accepted although its access token has ended since', async ({ site, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');

  await site.rename('Robin the Late');

  await site.isSaved();
  await expect(site.field('Display name')).toHaveValue('Robin the Late');
  expect(await jar.names()).toEqual(ALL_THREE);
});

test('signing out works although the access token has ended since', async ({
  site,
  signedIn: _,
  jar,
  context,
  origin,
}) => {
  await site.goto(paths.ACCOUNT);
  const earlier = await context.cookies(origin);
  await jar.delete('accessToken', 'tokenLife');
  await site.signOut();
  expect(await jar.names()).toEqual([]);

  // And the server has ended the session; the cookies are not merely gone.
  await context.addCookies(earlier);
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');
});

test('a visitor with only a token life is anonymous, and loses it', async ({ site, jar }) => {
  await jar.forgeTokenLife(tokenLifeFromNow());
  await site.goto(paths.HOME);
  await site.showsNobody();
  expect(await jar.names()).toEqual([]);
});

test('a nonsensical token life does no harm', async ({ site, signedIn: _, jar }) => {
  for (const value of ['NaN', '-1', '1e309', '2.1', '9'.repeat(3000)]) {
    await jar.forgeTokenLife(value);
    await site.goto(paths.ACCOUNT);
    await site.showsSomebody();
    expect(await jar.value('tokenLife')).toMatch(/^\d{10}\.\d{10}$/);
  }
});
