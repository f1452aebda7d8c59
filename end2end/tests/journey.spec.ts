import { expect, newUser, paths, test } from '../fixtures';

test('a newcomer creates an account and is signed in', async ({ site, page }) => {
  const user = newUser();
  await site.goto(paths.HOME);
  await site.showsNobody();
  await site.nav.getByRole('link', { name: 'Create account' }).click();
  await site.isAt(paths.SIGN_UP, 'Create account');

  await site.signUp(user);

  await site.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
  await expect(page.getByText(user.email)).toBeVisible();
  await expect(site.field('Display name')).toHaveValue(user.displayName);
});

test('who signs in is on the account page and is known everywhere', async ({ site, page, user }) => {
  await site.goto(paths.HOME);
  await site.nav.getByRole('link', { name: 'Sign in' }).click();
  await site.isAt(paths.LOGIN, 'Sign in');

  await site.signIn(user);

  await site.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
  await page.getByRole('link', { name: 'tokenlife' }).click();
  await site.isAt(paths.HOME, 'Sign in once.');
  await expect(page.getByText(`Welcome back, ${user.displayName}.`)).toBeVisible();
  await site.nav.getByRole('link', { name: 'Account' }).click();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(page.getByText(user.email)).toBeVisible();
});

test('after signing out the user is anonymous, on the home page', async ({ site, page, signedIn, jar }) => {
  await site.goto(paths.ACCOUNT);

  await site.signOut();

  await site.isAt(paths.HOME, 'Sign in once.');
  await expect(page.getByText(signedIn.displayName)).toHaveCount(0);
  expect(await jar.names()).toEqual([]);
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');
});

test('who signs out of one session can begin another', async ({ site, signedIn }) => {
  await site.goto(paths.HOME);
  await site.signOut();
  await site.goto(paths.LOGIN);
  await site.signIn(signedIn);
  await site.isAt(paths.ACCOUNT, 'Account');
  await site.showsSomebody();
});

test('a private page leads to the sign-in page and back', async ({ site, user }) => {
  await site.goto(paths.ACCOUNT);
  await site.isAt(paths.LOGIN, 'Sign in');

  await site.goto('/account?from=a+mail&x=%C3%A9');
  await site.isAt('/login?return_to=/account%3Ffrom%3Da%2Bmail%26x%3D%25C3%25A9', 'Sign in');
  await site.signIn(user);

  await site.isAt('/account?from=a+mail&x=%C3%A9', 'Account');
});

test('a newcomer gets to the private page as well', async ({ site, page }) => {
  await site.goto('/account?from=mail');
  await page.getByRole('link', { name: 'Create one' }).click();
  await site.isAt('/signup?return_to=/account%3Ffrom%3Dmail', 'Create account');

  await site.signUp(newUser());

  await site.isAt('/account?from=mail', 'Account');
});

test('signing in leads to any page of ours that was requested', async ({ site, page, user }) => {
  await site.goto(`/login?return_to=${encodeURIComponent('/?ref=1')}`);
  await site.signIn(user);
  await expect(page.getByText(`Welcome back, ${user.displayName}.`)).toBeVisible();
  await expect(page).toHaveURL('/?ref=1');
  await site.isAlive();
});
