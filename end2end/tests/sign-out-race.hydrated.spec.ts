import { expect, paths, test } from '../fixtures';
import { hold } from '../support/traffic';
import { refreshElsewhere } from '../support/users';

const { api } = paths;

test('signing out gives up a refresh that is under way', async ({ site, page, signedIn, jar, problems, traffic }) => {
  // The call that waited for the refresh is sent in vain.
  problems.allow(401, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  const refresh = await hold(page, api.refresh);
  await site.rename('Robin the Hasty');
  await refresh.arrived;

  await site.button('Sign out').click();

  await site.isAt(paths.HOME, 'Sign in once.');
  await site.showsNobody();
  refresh.letGo();
  await expect(page.getByText(signedIn.displayName)).toHaveCount(0);
  expect(await jar.names()).toEqual([]);
  const calls = await traffic.calls();
  expect(calls.filter((call) => call.endsWith(api.refresh))).toEqual([`no answer ${api.refresh}`]);
  expect(calls).toContain(`200 ${api.logout}`);
});

test('a sign-out that fails leaves everything as it was', async ({ site, page, signedIn: _, jar, problems }) => {
  problems.allow(503, api.logout);
  await site.goto(paths.ACCOUNT);
  await page.route(`**${api.logout}`, (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
  await site.button('Sign out').click();
  await expect(page.getByRole('alert')).toBeVisible();
  await jar.delete('accessToken', 'tokenLife');

  await site.rename('Robin the Loyal');

  await site.isSaved();
});

test('a response to a refresh that arrives after signing out signs no user in', async ({
  site,
  page,
  context,
  signedIn,
  jar,
  playwright,
  origin,
}) => {
  await site.goto(paths.ACCOUNT);
  const late = await refreshElsewhere(playwright.request, origin, await context.cookies(origin));
  await site.signOut();
  await context.addCookies(late);

  await site.showsNobody();
  await site.reload();

  await site.showsNobody();
  expect(await jar.names(), 'the rest is deleted, as good for nothing').toEqual(['refreshToken']);
  await context.addCookies(late);
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');
  await site.signIn(signedIn);
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(page.getByText(signedIn.email)).toBeVisible();
});

test('signing out gives up a refresh in another tab, too', async ({ site, openTab, signedIn, jar, problems }) => {
  problems.allow(401, api.changeDisplayName);
  const other = await openTab();
  await site.goto(paths.HOME);
  await other.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  const refresh = await hold(other.page, api.refresh);
  await other.rename('Robin the Slow');
  await refresh.arrived;

  await site.signOut();

  await other.isAt(paths.LOGIN, 'Sign in');
  refresh.letGo();
  await expect(other.page.getByText(signedIn.email)).toHaveCount(0);
  expect(await jar.names()).toEqual([]);
});
