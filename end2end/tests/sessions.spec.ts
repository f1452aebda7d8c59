import { expect, paths, test } from '../fixtures';
import { signIn } from '../support/users';

const SAFARI =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) ' +
  'Version/26.0 Mobile/15E148 Safari/604.1';
const FIREFOX = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0';

test('the account page leads to the sessions, where one is alone', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  await page.getByRole('link', { name: 'All your sessions' }).click();
  await site.isAt(paths.SESSIONS, 'Sessions');

  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);
  await expect(page.getByText('You are not signed in anywhere else.')).toBeVisible();
  await expect(site.button('End all other sessions')).toHaveCount(0);
});

test('a session somewhere else is ended, and over at once', async ({ site, page, playwright, origin, signedIn, jar }) => {
  const phone = await signIn(playwright.request, origin, signedIn, SAFARI);
  const cookies = await jar.names();
  await site.goto(paths.SESSIONS);
  const card = page.getByRole('listitem').filter({ hasText: 'Safari on iPhone' });
  await expect(card).toContainText('Within the last hour');
  await expect(page.getByRole('listitem').first()).toContainText('This browser');

  await card.getByRole('button', { name: 'End session' }).click();

  await expect(page.getByRole('status').filter({ hasText: 'That session has ended.' })).toBeVisible();
  await expect(card).toHaveCount(0);
  await expect(page.getByText('You are not signed in anywhere else.')).toBeVisible();
  expect((await phone.post(paths.api.listSessions, { form: {} })).status()).toBe(401);
  expect(await jar.names()).toEqual(cookies);
  await phone.dispose();
});

test('all other sessions are ended together', async ({ site, page, playwright, origin, signedIn }) => {
  const others = await Promise.all([
    signIn(playwright.request, origin, signedIn, SAFARI),
    signIn(playwright.request, origin, signedIn, FIREFOX),
  ]);
  await site.goto(paths.SESSIONS);
  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(3);

  await site.button('End all other sessions').click();

  await expect(page.getByRole('status').filter({ hasText: 'other sessions have ended.' })).toBeVisible();
  await expect(page.getByRole('main').getByRole('listitem')).toHaveCount(1);
  for (const other of others) {
    expect((await other.post(paths.api.listSessions, { form: {} })).status()).toBe(401);
    await other.dispose();
  }
  await site.goto(paths.ACCOUNT);
  await site.showsSomebody();
});

test('a session that is over by now is ended all the same', async ({ site, page, playwright, origin, signedIn }) => {
  const phone = await signIn(playwright.request, origin, signedIn, SAFARI);
  await site.goto(paths.SESSIONS);
  await expect(page.getByText('Safari on iPhone')).toBeVisible();
  expect((await phone.post(paths.api.logout, { form: {} })).status()).toBe(200);

  await site.button('End session').click();

  await expect(page.getByRole('status').filter({ hasText: 'That session has ended.' })).toBeVisible();
  await expect(page.getByText('Safari on iPhone')).toHaveCount(0);
  await phone.dispose();
});

test('ending a session that never existed is refused', async ({ site, page, playwright, origin, signedIn, problems }) => {
  problems.allow(404, paths.api.endSession);
  const phone = await signIn(playwright.request, origin, signedIn, SAFARI);
  await site.goto(paths.SESSIONS);
  await page.locator('input[name=id]').evaluate((field: HTMLInputElement) => (field.value = 'A'.repeat(22)));

  expect(await site.send('End session', paths.api.endSession)).toBe(404);

  await expect(page.getByRole('alert')).toHaveText('This is not one of your sessions. It may be long over.');
  await expect(page.getByText('Safari on iPhone')).toBeVisible();
  await phone.dispose();
});

test('without a session the page leads to the sign-in page and back', async ({ site, user }) => {
  await site.goto(paths.SESSIONS);
  await site.isAt('/login?return_to=/account/sessions', 'Sign in');
  await site.signIn(user);
  await site.isAt(paths.SESSIONS, 'Sessions');
});

test('the page says what it is to those who do not see it', async ({ site, page, playwright, origin, signedIn }) => {
  const phone = await signIn(playwright.request, origin, signedIn, SAFARI);
  await site.goto(paths.SESSIONS);
  await expect(page.getByRole('main')).toMatchAriaSnapshot(`
    - main:
      - heading "Sessions" [level=1]
      - paragraph: /This is where you are signed in/
      - list:
        - listitem:
          - heading /This browser/ [level=2]
          - term: Last seen
          - definition: Now
        - listitem:
          - heading "Safari on iPhone" [level=2]
          - term: Last seen
          - definition: Within the last hour
          - button "End session"
      - button "End all other sessions"
  `);
  await expect(site.button('End session')).toHaveAccessibleDescription('Safari on iPhone');
  await phone.dispose();
});
