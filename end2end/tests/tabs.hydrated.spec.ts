import { ALL_THREE, expect, newUser, paths, test } from '../fixtures';
import { signUp } from '../support/users';

test('signing out is heard by the other tabs at once', async ({ site, page, openTab, signedIn }) => {
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

test('signing in is heard by the other tabs', async ({ site, page, openTab, user }) => {
  await site.goto(paths.HOME);
  await site.showsNobody();
  const other = await openTab();
  await other.goto(paths.LOGIN);

  await other.signIn(user);

  await other.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
  await expect(page.getByText(`Welcome back, ${user.displayName}.`)).toBeVisible();
});

test('somebody else who signs in takes over every tab', async ({
  site,
  page,
  openTab,
  signedIn,
  playwright,
  origin,
}) => {
  const somebodyElse = newUser();
  await signUp(playwright.request, origin, somebodyElse);
  const home = await openTab();
  await site.goto(paths.ACCOUNT);
  await home.goto(paths.HOME);
  await expect(page.getByText(signedIn.email)).toBeVisible();
  const other = await openTab();
  await other.goto(paths.LOGIN);

  await other.signIn(somebodyElse);

  await other.isAt(paths.ACCOUNT, 'Account');
  await expect(home.page.getByText(`Welcome back, ${somebodyElse.displayName}.`)).toBeVisible();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  await expect(site.field('Display name')).not.toHaveValue(signedIn.displayName);
});

test('tabs that refresh at the same time all stay signed in', async ({ openTab, signedIn: _, jar }) => {
  const tabs = await Promise.all([openTab(), openTab(), openTab(), openTab()]);
  await Promise.all(tabs.map((tab) => tab.goto(paths.ACCOUNT)));
  await jar.delete('accessToken', 'tokenLife');

  await Promise.all(tabs.map((tab, index) => tab.rename(`Robin in tab ${index}`)));

  await Promise.all(tabs.map((tab) => tab.isSaved()));
  expect(await jar.names()).toEqual(ALL_THREE);
  await Promise.all(tabs.map((tab) => tab.reload()));
  await Promise.all(tabs.map((tab) => tab.showsSomebody()));
});

test('tabs that are restored at the same time all stay signed in', async ({ openTab, signedIn: _, jar }) => {
  const tabs = await Promise.all([openTab(), openTab(), openTab(), openTab()]);
  await jar.delete('accessToken', 'tokenLife');
  await Promise.all(tabs.map((tab) => tab.goto(paths.ACCOUNT)));
  await Promise.all(tabs.map((tab) => tab.showsSomebody()));
  await jar.delete('accessToken');
  await Promise.all(tabs.map((tab) => tab.reload()));
  await Promise.all(tabs.map((tab) => tab.showsSomebody()));
  expect(await jar.names()).toEqual(ALL_THREE);
});
