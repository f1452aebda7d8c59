import { expect, paths, test } from '../fixtures';
import { signIn } from '../support/users';

test('the focus follows what was done, although its button is gone', async ({
  site,
  page,
  playwright,
  origin,
  signedIn,
}) => {
  const other = await signIn(playwright.request, origin, signedIn, 'curl/8.11.0');
  await site.goto(paths.SESSIONS);
  await site.button('End session').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('status').filter({ hasText: 'That session has ended.' })).toBeFocused();
  await other.dispose();
});

test('a session that was ended elsewhere shows nothing more', async ({
  site,
  page,
  playwright,
  origin,
  signedIn,
  problems,
}) => {
  const { endOtherSessions, listSessions, refresh, current } = paths.api;
  [endOtherSessions, listSessions, refresh, current].forEach((path) => problems.allow(401, path));
  const phone = await signIn(playwright.request, origin, signedIn, 'curl/8.11.0');
  await site.goto(paths.SESSIONS);
  expect((await phone.post(paths.api.endOtherSessions, { form: {} })).status()).toBe(200);

  await site.button('End all other sessions').click();

  await site.isAt('/login?return_to=/account/sessions', 'Sign in');
  await expect(page.getByRole('listitem')).toHaveCount(0);
  await phone.dispose();
});
