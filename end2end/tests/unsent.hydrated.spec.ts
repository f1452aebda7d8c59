import { expect, newUser, paths, test as base } from '../fixtures';
import { gate } from '../support/gate';
import type { Site } from '../support/site';
import { signIn, signUp } from '../support/users';
import { comeIntoView, goOutOfView } from '../support/view';

const { api } = paths;
const DAY = 24 * 3600 * 1000;

interface Scene {
  /** Ends the session of this browser from another device. The browser gets no message. */
  endSession: () => Promise<void>;
  /** Sends a new display name after that. */
  renameTooLate: () => Promise<void>;
  /** Follows the link to the sign-in page. */
  openSignIn: () => Promise<Site>;
  /** Follows it and signs in, which leads to this page. */
  signInAgain: (path: string, heading: string) => Promise<void>;
}

const test = base.extend<Scene>({
  endSession: async ({ playwright, origin, signedIn, problems }, use) => {
    problems.allow(401, /^\/api\//);
    const phone = await signIn(playwright.request, origin, signedIn, 'curl/8.11.0');
    await use(async () => {
      expect((await phone.post(api.endOtherSessions, { form: {} })).status()).toBe(200);
    });
    await phone.dispose();
  },

  renameTooLate: async ({ site, page, endSession }, use) =>
    use(async () => {
      await site.goto(paths.ACCOUNT);
      await endSession();
      await site.rename('Robin the Patient');
      await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
    }),

  openSignIn: async ({ page, openTab }, use) =>
    use(async () => {
      const link = page.getByRole('link', { name: 'Sign in in a new tab' });
      await expect(link).toHaveAttribute('target', '_blank');
      const tab = await openTab();
      await tab.goto((await link.getAttribute('href')) ?? '');
      return tab;
    }),

  signInAgain: async ({ openSignIn, signedIn }, use) =>
    use(async (path, heading) => {
      const tab = await openSignIn();
      await tab.signIn(signedIn);
      await tab.isAt(path, heading);
    }),
});

test('what was sent when the session was over can be sent after signing in again', async ({
  site,
  page,
  signedIn,
  renameTooLate,
  signInAgain,
}) => {
  await renameTooLate();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  await expect(site.field('Display name')).toHaveValue('Robin the Patient');

  await signInAgain(paths.ACCOUNT, 'Account');
  await site.button('Send again').click();

  await site.isAt('/account?saved=display_name', 'Account');
  await expect(site.field('Display name')).toHaveValue('Robin the Patient');
});

test('what is on its way when the page hears that the session is over is not lost', async ({
  site,
  page,
  jar,
  endSession,
  signInAgain,
}) => {
  await site.goto(paths.NOTES);
  const note = gate();
  await page.route(`**${paths.upstreams.notes}`, async (route) => {
    await note.opened;
    await route.continue();
  });
  await site.fillNote('Books', 'in flight');
  await site.button('Add').click();
  await goOutOfView(page);
  await endSession();
  await jar.delete('accessToken', 'tokenLife');
  const refused = page.waitForResponse(`**${api.current}`);

  await comeIntoView(page);
  expect((await refused).status()).toBe(401);
  note.open();

  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  await expect(site.field('Text')).toHaveValue('in flight');
  await signInAgain(paths.NOTES, 'Notes');
  await site.button('Send again').click();
  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Books').getByText('in flight')).toBeVisible();
});

test('unsent text is kept when the session expires, and not sent by itself', async ({
  site,
  page,
  context,
  signedIn: _,
  signInAgain,
  problems,
}) => {
  problems.allow(401, /^\/api\//);
  // Then the page detects the end twice at once: because it becomes visible, and because its refresh is refused.
  await page.addInitScript(() => {
    Math.random = () => 0;
  });
  await page.clock.install();
  await site.goto(paths.NOTES);
  await site.fill({ Title: 'Books', Text: 'half a sent' });
  await goOutOfView(page);
  await page.clock.setSystemTime(Date.now() + 31 * DAY);
  await context.clearCookies();
  const kept = page.waitForRequest((request) => request.isNavigationRequest() && request.method() === 'POST');

  await comeIntoView(page);

  expect(new URL((await kept).url()).search).toBe('?keep=form');
  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  await expect(site.field('Title')).toHaveValue('Books');
  await signInAgain(paths.NOTES, 'Notes');
  await site.fill({ Text: 'half a sentence' });
  await site.button('Send again').click();

  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Books').getByText('half a sentence')).toBeVisible();
});

test('unsent text is not left on a page whose session was ended from elsewhere', async ({
  site,
  page,
  jar,
  problems,
  endSession,
}) => {
  problems.allow(422, paths.upstreams.notes);
  await site.goto(paths.NOTES);
  // Refused for another reason, and not sent since.
  await site.fill({ Title: '', Text: 'half a sent' });
  await site.button('Add').click();
  await expect(page.getByText('Enter a title.')).toBeVisible();
  await site.fill({ Title: 'Books' });
  await goOutOfView(page);
  await endSession();
  await jar.delete('accessToken', 'tokenLife');

  await comeIntoView(page);

  await site.isAt('/login?return_to=/notes', 'Sign in');
});

test('nor after signing out in another tab', async ({ site, openTab, signedIn: _ }) => {
  await site.goto(paths.NOTES);
  await site.fill({ Title: 'Books', Text: 'half a sent' });
  const other = await openTab();
  await other.goto(paths.HOME);

  await other.signOut();

  await site.isAt('/login?return_to=/notes', 'Sign in');
});

test('a note that was being changed is changed after signing in again', async ({
  site,
  page,
  endSession,
  signInAgain,
}) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.note('New note').getByLabel('Title').fill('An idea');
  await endSession();

  await site.changeNote('Plan', { Text: 'two' });

  await expect(page.getByRole('heading', { name: 'Please sign in' })).toBeVisible();
  await expect(site.field('Text')).toHaveValue('two');
  await signInAgain(paths.NOTES, 'Notes');
  await site.button('Send again').click();
  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Plan').getByText('two')).toBeVisible();
});

test('it is not carried out for another user', async ({
  site,
  page,
  renameTooLate,
  openSignIn,
  playwright,
  origin,
  problems,
}) => {
  problems.allow(409, api.changeDisplayName);
  const otherUser = newUser();
  await signUp(playwright.request, origin, otherUser);
  await renameTooLate();

  const other = await openSignIn();
  await other.signIn(otherUser);
  await other.isAt(paths.ACCOUNT, 'Account');
  await site.button('Send again').click();

  await expect(page.getByRole('heading', { name: 'Another user has signed in on this browser' })).toBeVisible();
  await other.reload();
  await expect(other.field('Display name')).toHaveValue(otherUser.displayName);
});
