import { expect, newUser, paths, test } from '../fixtures';
import { cameBack, goBack, goElsewhere, wasLoadedAnew, watchReturns, withPageCache } from '../support/history';
import { signUp } from '../support/users';

test.use({ launchOptions: withPageCache() });
test.beforeEach(({ context }) => watchReturns(context));

test('a page comes back as it was left while nothing has changed', async ({ site, page, signedIn }) => {
  await site.goto(paths.ACCOUNT);
  await site.fill({ 'Display name': 'half a na' });
  await goElsewhere(site);

  await goBack(site);

  await cameBack(site);
  await expect(page.getByText(signedIn.email)).toBeVisible();
  await expect(site.field('Display name')).toHaveValue('half a na');
  await expect(page.locator('html')).not.toHaveAttribute('data-concealed');
});

test('a public page comes back as it was left', async ({ site, page }) => {
  await site.goto(paths.LOGIN);
  await site.fill({ 'E-mail address': 'robin@example.com' });
  await goElsewhere(site);
  await goBack(site);
  await cameBack(site);
  await expect(site.field('E-mail address')).toHaveValue('robin@example.com');
  await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('going back after signing out shows nothing private', async ({ site, page, signedIn }) => {
  await site.goto(paths.ACCOUNT);
  await expect(page.getByText(signedIn.email)).toBeVisible();
  await site.goto(paths.HOME);
  await site.signOut();

  await goBack(site);

  await site.isAt(paths.LOGIN, 'Sign in');
  await wasLoadedAnew(site);
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  await expect(page.getByText(signedIn.displayName)).toHaveCount(0);
});

test('going back to the page one has signed out of shows nothing private', async ({ site, page, signedIn }) => {
  await site.goto(paths.ACCOUNT);
  await site.signOut();
  await site.isAt(paths.HOME, 'Sign in once.');

  await goBack(site);

  await site.isAt(paths.LOGIN, 'Sign in');
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
});

test('going back after signing out in another tab shows nothing private', async ({ site, page, openTab, signedIn }) => {
  await site.goto(paths.ACCOUNT);
  await goElsewhere(site);
  const other = await openTab();
  await other.goto(paths.HOME);
  await other.signOut();

  await goBack(site);

  await site.isAt(paths.LOGIN, 'Sign in');
  await wasLoadedAnew(site);
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
});

test('going back when another user is signed in shows nothing of the first', async ({
  site,
  page,
  openTab,
  signedIn,
  playwright,
  origin,
}) => {
  const otherUser = newUser();
  await signUp(playwright.request, origin, otherUser);
  await site.goto(paths.ACCOUNT);
  await goElsewhere(site);
  const other = await openTab();
  await other.goto(paths.LOGIN);
  await other.signIn(otherUser);
  await other.isAt(paths.ACCOUNT, 'Account');

  await goBack(site);

  await expect(page.getByText(otherUser.email)).toBeVisible();
  await wasLoadedAnew(site);
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
});

test('a page whose token life is gone is loaded anew', async ({ site, page, signedIn, jar }) => {
  await site.goto(paths.ACCOUNT);
  await goElsewhere(site);
  await jar.delete('tokenLife');

  await goBack(site);

  await wasLoadedAnew(site);
  await expect(page.getByText(signedIn.email)).toBeVisible();
  await expect(page.locator('html')).not.toHaveAttribute('data-concealed');
  expect(await jar.value('tokenLife')).toMatch(/^\d+\.\d+$/);
});
