import { ALL_THREE, expect, newUser, paths, test, tokenLifeFromNow } from '../fixtures';

const { api } = paths;

test('with a token life there is one call and no refresh', async ({ site, traffic, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  await site.rename('Robin');
  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.changeDisplayName}`]);
});

test('without a token life the click refreshes once, then calls', async ({ site, traffic, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  await jar.delete('tokenLife');

  await site.rename('Robin');

  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
  expect(await jar.names()).toEqual(ALL_THREE);
});

test('a forged token life costs one 401, one refresh and one retry', async ({
  site,
  traffic,
  signedIn: _,
  jar,
  problems,
}) => {
  problems.allow(401, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken');
  await jar.forgeTokenLife(tokenLifeFromNow());

  await site.rename('Robin');

  await site.isSaved();
  expect(await traffic.calls()).toEqual([
    `401 ${api.changeDisplayName}`,
    `200 ${api.refresh}`,
    `200 ${api.changeDisplayName}`,
  ]);
  await site.reload();
  await expect(site.field('Display name')).toHaveValue('Robin');
});

test('a nonsensical token life counts as none', async ({ site, traffic, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  for (const value of ['NaN', '-1', '1e309', '9999999999', '2.1', '9'.repeat(3000)]) {
    traffic.forget();
    await jar.forgeTokenLife(value);
    await site.rename(`Robin ${value.slice(0, 10)}`);
    await site.isSaved();
    expect(await traffic.calls(), value).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
  }
});

test('ten calls at once refresh once', async ({ site, page, traffic, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  await site.fill({ 'Display name': 'Robin of the Ten Calls' });

  // The button blocks a second click; the form itself accepts every submission.
  await page.locator('form', { has: site.button('Save') }).evaluate((form: HTMLFormElement) => {
    for (let call = 0; call < 10; call += 1) {
      form.requestSubmit();
    }
  });

  const tenCalls = Array.from({ length: 10 }, () => `200 ${api.changeDisplayName}`);
  await expect.poll(() => traffic.calls()).toEqual([`200 ${api.refresh}`, ...tenCalls]);
  await site.isSaved();
  expect(await jar.names()).toEqual(ALL_THREE);
});

test('anonymous visitors cause no refresh', async ({ site, page, traffic, problems }) => {
  problems.allow(422, api.signUp);
  problems.allow(401, api.login);
  problems.allow(404, '/nowhere');
  await site.goto(paths.HOME);
  await site.nav.getByRole('link', { name: 'Sign in' }).click();
  await site.isAt(paths.LOGIN, 'Sign in');
  await site.signIn(newUser());
  await expect(page.getByRole('alert')).toBeVisible();
  await site.nav.getByRole('link', { name: 'Create account' }).click();
  await site.isAt(paths.SIGN_UP, 'Create account');
  await site.button('Create account').click();
  await expect(site.field('E-mail address')).toBeFocused();
  await site.goto('/nowhere');
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');
  expect(await traffic.calls()).toEqual([`401 ${api.login}`, `422 ${api.signUp}`]);
});

test('a page that lost its session leads to the sign-in page, without a storm', async ({
  site,
  page,
  traffic,
  signedIn,
  context,
  jar,
  problems,
}) => {
  problems.allow(401, api.changeDisplayName);
  problems.allow(401, api.refresh);
  await site.goto(paths.ACCOUNT);
  await context.clearCookies();
  await jar.forgeTokenLife(tokenLifeFromNow());

  await site.button('Save').click();

  await site.isAt(paths.LOGIN, 'Sign in');
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  expect(await jar.names()).toEqual([]);
  const calls = await traffic.calls();
  expect(calls.filter((call) => call.endsWith(api.refresh))).toEqual([`401 ${api.refresh}`]);
  expect(calls.filter((call) => call.endsWith(api.changeDisplayName))).toEqual([`401 ${api.changeDisplayName}`]);
  expect(calls.length).toBeLessThanOrEqual(3);
});

test('without an access token, going from page to page still knows who is there', async ({
  site,
  page,
  traffic,
  signedIn,
  jar,
}) => {
  await site.goto(paths.HOME);
  await jar.delete('accessToken', 'tokenLife');
  await site.nav.getByRole('link', { name: 'Account' }).click();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(page.getByText(signedIn.email)).toBeVisible();
  expect((await traffic.calls()).filter((call) => !call.startsWith('200 '))).toEqual([]);
});
