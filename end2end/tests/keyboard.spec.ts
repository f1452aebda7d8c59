import { expect, paths, test } from '../fixtures';

test('the first key press offers to skip to the content', async ({ site, page }) => {
  await site.goto(paths.HOME);
  await page.keyboard.press('Tab');
  const skip = page.getByRole('link', { name: 'Skip to content' });
  await expect(skip).toBeFocused();
  await expect(skip).toBeInViewport();

  await page.keyboard.press('Enter');

  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('main').getByRole('link', { name: 'Create account' })).toBeFocused();
});

test('signing in and out needs no mouse', async ({ site, page, user }) => {
  await site.goto(paths.LOGIN);
  await site.field('E-mail address').focus();
  await page.keyboard.type(user.email);
  await page.keyboard.press('Tab');
  await expect(site.field('Password')).toBeFocused();
  await page.keyboard.type(user.password);
  await page.keyboard.press('Enter');
  await site.isAt(paths.ACCOUNT, 'Account');
  await site.button('Sign out').focus();
  await page.keyboard.press('Enter');
  await site.showsNobody();
});

test('the sign-in page says what it is to those who do not see it', async ({ site, page }) => {
  await site.goto(paths.LOGIN);
  await expect(page.locator('body')).toMatchAriaSnapshot(`
    - link "Skip to content"
    - banner:
      - link "tokenlife"
      - navigation "Main":
        - link "Sign in"
        - link "Create account"
    - main:
      - heading "Sign in" [level=1]
      - text: E-mail address
      - textbox "E-mail address"
      - text: Password
      - textbox "Password"
      - button "Sign in"
      - paragraph:
        - link "Create one"
    - contentinfo
  `);
});

test('the sign-up page says what it is to those who do not see it', async ({ site, page }) => {
  await site.goto(paths.SIGN_UP);
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main:
      - heading "Create account" [level=1]
      - text: E-mail address
      - textbox "E-mail address"
      - text: Display name
      - textbox "Display name"
      - text: Password
      - textbox "Password"
      - paragraph: /At least 8 characters/
      - button "Create account"
      - paragraph:
        - link "Sign in"
  `);
});

test('fields tell password managers what they are for', async ({ site }) => {
  await site.goto(paths.LOGIN);
  await expect(site.field('E-mail address')).toHaveAttribute('autocomplete', 'username');
  await expect(site.field('Password')).toHaveAttribute('autocomplete', 'current-password');
  await site.goto(paths.SIGN_UP);
  await expect(site.field('Password')).toHaveAttribute('autocomplete', 'new-password');
  await expect(site.field('Password')).toHaveAttribute('type', 'password');
});
