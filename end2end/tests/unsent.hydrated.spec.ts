import { expect, newUser, paths, test as base } from '../fixtures';
import type { Site } from '../support/site';
import { signIn, signUp } from '../support/users';
import { comeIntoView, goOutOfView } from '../support/view';

const { api } = paths;

interface Scene {
  /** Ends the session of this browser from elsewhere. Nothing tells it. */
  endSession: () => Promise<void>;
  /** Follows the link to where people sign in again. */
  openSignIn: () => Promise<Site>;
}

const test = base.extend<Scene>({
  endSession: async ({ playwright, origin, signedIn, problems }, use) => {
    problems.allow(401, /^\/api\//);
    // The stream of news ends with the session.
    problems.allow('net::ERR_INCOMPLETE_CHUNKED_ENCODING', paths.services.changes);
    const phone = await signIn(playwright.request, origin, signedIn, 'curl/8.11.0');
    await use(async () => {
      expect((await phone.post(api.endOtherSessions, { form: {} })).status()).toBe(200);
    });
    await phone.dispose();
  },

  openSignIn: async ({ page, openTab }, use) =>
    use(async () => {
      const link = page.getByRole('link', { name: 'Sign in in a new tab' });
      await expect(link).toHaveAttribute('target', '_blank');
      const tab = await openTab();
      await tab.goto((await link.getAttribute('href')) ?? '');
      return tab;
    }),
});

test('what was sent when the session was over can be sent after signing in again', async ({
  site,
  page,
  signedIn,
  endSession,
  openSignIn,
}) => {
  await site.goto(paths.ACCOUNT);
  await endSession();

  await site.rename('Robin the Patient');

  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  await expect(site.field('Display name')).toHaveValue('Robin the Patient');

  const other = await openSignIn();
  await other.signIn(signedIn);
  await other.isAt(paths.ACCOUNT, 'Account');
  await site.button('Send again').click();

  await site.isAt('/account?saved=display_name', 'Account');
  await expect(site.field('Display name')).toHaveValue('Robin the Patient');
});

test('what was not sent yet is not lost either, and not sent by itself', async ({
  site,
  page,
  signedIn,
  jar,
  endSession,
  openSignIn,
}) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.fill({ Title: 'Books', Text: 'half a sent' });
  await goOutOfView(page);
  await endSession();
  await jar.delete('accessToken', 'tokenLife');

  await comeIntoView(page);

  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  await expect(page.getByText('Plan')).toHaveCount(0);
  const other = await openSignIn();
  await other.signIn(signedIn);
  await other.isAt(paths.NOTES, 'Notes');
  await expect(other.note('Plan')).toBeVisible();
  await expect(other.note('Books')).toHaveCount(0);
  await site.fill({ Text: 'half a sentence' });
  await site.button('Send again').click();

  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Books').getByText('half a sentence')).toBeVisible();
});

test('a note that was being changed is changed after signing in again', async ({
  site,
  page,
  signedIn,
  endSession,
  openSignIn,
}) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await endSession();

  await site.changeNote('Plan', { Text: 'two' });

  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  const other = await openSignIn();
  await other.signIn(signedIn);
  await other.isAt(paths.NOTES, 'Notes');
  await site.button('Send again').click();
  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Plan').getByText('two')).toBeVisible();
});

test('nobody else gets it carried out', async ({ site, page, endSession, openSignIn, playwright, origin, problems }) => {
  problems.allow(409, api.changeDisplayName);
  const somebodyElse = newUser();
  await signUp(playwright.request, origin, somebodyElse);
  await site.goto(paths.ACCOUNT);
  await endSession();
  await site.rename('Robin the Patient');
  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();

  const other = await openSignIn();
  await other.signIn(somebodyElse);
  await other.isAt(paths.ACCOUNT, 'Account');
  await site.button('Send again').click();

  await expect(page.getByRole('heading', { name: 'Somebody else has signed in on this browser' })).toBeVisible();
  await other.reload();
  await expect(other.field('Display name')).toHaveValue(somebodyElse.displayName);
});
