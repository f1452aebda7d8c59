import type { Site } from '../support/site';
import { ALL_THREE, expect, newUser, paths, test } from '../fixtures';
import { hold, Traffic } from '../support/traffic';
import { signUp } from '../support/users';

const { api } = paths;
const REFRESH_LOCK = 'tokenlife-refresh';

/** So many tabs, still empty. */
async function openTabs(count: number, openTab: () => Promise<Site>): Promise<Site[]> {
  return Promise.all(Array.from({ length: count }, openTab));
}

test('signing out reaches the other tabs at once', async ({ site, page, openTab, signedIn }) => {
  const home = await openTab();
  const account = await openTab();
  await site.goto(paths.HOME);
  await home.goto(paths.HOME);
  await account.goto(paths.ACCOUNT);
  await expect(home.page.getByText(`Welcome back, ${signedIn.displayName}.`)).toBeVisible();
  await expect(account.page.getByText(signedIn.email)).toBeVisible();

  await site.signOut();

  await account.isAt(paths.LOGIN, 'Sign in');
  await expect(account.page.getByText(signedIn.email)).toHaveCount(0);
  await home.showsNobody();
  for (const tab of [page, home.page, account.page]) {
    await expect(tab.getByText(signedIn.displayName)).toHaveCount(0);
  }
});

test('signing in reaches the other tabs', async ({ site, page, openTab, user }) => {
  await site.goto(paths.HOME);
  await site.showsNobody();
  const other = await openTab();
  await other.goto(paths.LOGIN);

  await other.signIn(user);

  await other.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
  await expect(page.getByText(`Welcome back, ${user.displayName}.`)).toBeVisible();
});

test('another user who signs in takes over every tab', async ({
  site,
  page,
  openTab,
  signedIn,
  playwright,
  origin,
}) => {
  const otherUser = newUser();
  await signUp(playwright.request, origin, otherUser);
  const home = await openTab();
  await site.goto(paths.ACCOUNT);
  await home.goto(paths.HOME);
  await expect(page.getByText(signedIn.email)).toBeVisible();
  const other = await openTab();
  await other.goto(paths.LOGIN);

  await other.signIn(otherUser);

  await other.isAt(paths.ACCOUNT, 'Account');
  await expect(home.page.getByText(`Welcome back, ${otherUser.displayName}.`)).toBeVisible();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  await expect(site.field('Display name')).not.toHaveValue(signedIn.displayName);
});

test('tabs that refresh at the same time make one refresh of it', async ({ openTab, signedIn: _, jar }) => {
  const tabs = await openTabs(6, openTab);
  const traffic = tabs.map((tab) => new Traffic(tab.page));
  await Promise.all(tabs.map((tab) => tab.goto(paths.ACCOUNT)));
  await jar.delete('accessToken', 'tokenLife');

  await Promise.all(tabs.map((tab, index) => tab.rename(`Robin in tab ${index}`)));

  await Promise.all(tabs.map((tab) => tab.isSaved()));
  const calls = (await Promise.all(traffic.map((tab) => tab.calls()))).flat();
  expect(calls.filter((call) => call.endsWith(api.refresh))).toEqual([`200 ${api.refresh}`]);
  expect(calls).toHaveLength(1 + tabs.length);
  expect(await jar.names()).toEqual(ALL_THREE);
  await Promise.all(tabs.map((tab) => tab.reload()));
  await Promise.all(tabs.map((tab) => tab.showsSomebody()));
});

test('a late refusal does not sign out a user who has signed in since', async ({
  site,
  page,
  openTab,
  signedIn,
  jar,
  problems,
}) => {
  problems.allow(401, api.refresh);
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  const refresh = await hold(page, api.refresh, (route) =>
    route.fulfill({ status: 401, json: { code: 'unauthenticated' } }),
  );
  await site.rename('Robin Regardless');
  await refresh.arrived;
  const other = await openTab();
  await other.goto(paths.LOGIN);
  await other.signIn(signedIn);
  await other.isAt(paths.ACCOUNT, 'Account');

  refresh.letGo();

  await site.isSaved();
  await site.showsSomebody();
  await other.showsSomebody();
  expect(await jar.names()).toEqual(ALL_THREE);
  await other.reload();
  await expect(other.field('Display name')).toHaveValue('Robin Regardless');
});

test('a tab that hangs while it refreshes holds the others up for seconds only', async ({
  site,
  openTab,
  traffic,
  signedIn: _,
  jar,
}) => {
  await site.goto(paths.ACCOUNT);
  const hanging = await openTab();
  await hanging.goto(paths.HOME);
  await hanging.page.evaluate((name) => {
    void navigator.locks.request(name, () => new Promise(() => {}));
  }, REFRESH_LOCK);
  await jar.delete('accessToken', 'tokenLife');

  await site.rename('Robin the Patient');

  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
});

test('a refresh whose lock is stolen goes on', async ({ site, page, openTab, traffic, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  const thief = await openTab();
  await thief.goto(paths.HOME);
  await jar.delete('accessToken', 'tokenLife');
  const refresh = await hold(page, api.refresh);
  await site.rename('Robin the Robbed');
  await refresh.arrived;
  await thief.page.evaluate((name) => navigator.locks.request(name, { steal: true }, () => {}), REFRESH_LOCK);

  refresh.letGo();

  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
});

test('a browser without locks and channels refreshes all the same', async ({
  site,
  context,
  traffic,
  signedIn: _,
  jar,
}) => {
  await context.addInitScript(() => {
    Object.defineProperty(navigator, 'locks', { value: undefined });
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
  });
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  await site.rename('Robin the Old-Fashioned');
  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
});
