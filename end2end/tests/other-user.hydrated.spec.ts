import { expect, newUser, paths, test, type User } from '../fixtures';
import { signUp } from '../support/users';
import { comeIntoView, goOutOfView } from '../support/view';

const { api } = paths;

// A tab that the browser has frozen receives no messages of the others.
test.beforeEach(({ context }) =>
  context.addInitScript(() => {
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
  }),
);

interface Scene {
  otherUser: User;
  /** Another user signs in, in a tab whose messages the first one does not receive. */
  takeOver: () => Promise<void>;
}

const scene = test.extend<Scene>({
  otherUser: async ({}, use) => use(newUser()),
  takeOver: async ({ otherUser, playwright, origin, context }, use) => {
    const cookies = await signUp(playwright.request, origin, otherUser);
    // Users sign in one after the other; here both did in the same second.
    const [issued, expires] = (cookies.find(({ name }) => name === 'tokenLife')?.value ?? '').split('.').map(Number);
    const later = { name: 'tokenLife', value: `${(issued ?? 0) + 1}.${(expires ?? 0) + 1}`, url: origin };
    await use(() => context.addCookies([...cookies.filter(({ name }) => name !== later.name), later]));
  },
});

scene('what a page of one person sends is not carried out for another', async ({
  site,
  page,
  signedIn,
  otherUser,
  takeOver,
  problems,
  traffic,
}) => {
  problems.allow(409, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await takeOver();

  await site.rename('Robin of Yesterday');

  await expect(page.getByText(otherUser.email)).toBeVisible();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(site.field('Display name')).toHaveValue(otherUser.displayName);
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  expect(await traffic.calls()).toEqual([`409 ${api.changeDisplayName}`]);
});

scene('nor after its token had to be renewed', async ({
  site,
  page,
  signedIn: _,
  otherUser,
  takeOver,
  jar,
  problems,
}) => {
  problems.allow(409, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await takeOver();
  await jar.delete('accessToken', 'tokenLife');

  await site.rename('Robin of Yesterday');

  await expect(page.getByText(otherUser.email)).toBeVisible();
  await expect(site.field('Display name')).toHaveValue(otherUser.displayName);
});

scene('a page that comes into view finds out who is there', async ({
  site,
  page,
  signedIn,
  otherUser,
  takeOver,
  problems,
}) => {
  problems.allow(409, api.current);
  await site.goto(paths.ACCOUNT);
  await goOutOfView(page);
  await takeOver();

  await comeIntoView(page);

  await expect(page.getByText(otherUser.email)).toBeVisible();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
});
