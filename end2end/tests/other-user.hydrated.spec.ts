import { expect, newUser, paths, test, type User } from '../fixtures';
import { signUp } from '../support/users';
import { comeIntoView, goOutOfView } from '../support/view';

const { api } = paths;

// A tab that the browser has put to sleep hears nothing of what the others say.
test.beforeEach(({ context }) =>
  context.addInitScript(() => {
    Reflect.deleteProperty(globalThis, 'BroadcastChannel');
  }),
);

interface Scene {
  somebodyElse: User;
  /** Somebody else signs in, in a tab that the first one does not hear. */
  takeOver: () => Promise<void>;
}

const scene = test.extend<Scene>({
  somebodyElse: async ({}, use) => use(newUser()),
  takeOver: async ({ somebodyElse, playwright, origin, context }, use) => {
    const cookies = await signUp(playwright.request, origin, somebodyElse);
    // People sign in one after the other; here both did in the same second.
    const [issued, expires] = (cookies.find(({ name }) => name === 'tokenLife')?.value ?? '').split('.').map(Number);
    const later = { name: 'tokenLife', value: `${(issued ?? 0) + 1}.${(expires ?? 0) + 1}`, url: origin };
    await use(() => context.addCookies([...cookies.filter(({ name }) => name !== later.name), later]));
  },
});

scene('what a page of one person sends is not carried out for another', async ({
  site,
  page,
  signedIn,
  somebodyElse,
  takeOver,
  problems,
  traffic,
}) => {
  problems.allow(409, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await takeOver();

  await site.rename('Robin of Yesterday');

  await expect(page.getByText(somebodyElse.email)).toBeVisible();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(site.field('Display name')).toHaveValue(somebodyElse.displayName);
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  expect(await traffic.calls()).toEqual([`409 ${api.changeDisplayName}`]);
});

scene('nor after its token had to be renewed', async ({
  site,
  page,
  signedIn: _,
  somebodyElse,
  takeOver,
  jar,
  problems,
}) => {
  problems.allow(409, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await takeOver();
  await jar.delete('accessToken', 'tokenLife');

  await site.rename('Robin of Yesterday');

  await expect(page.getByText(somebodyElse.email)).toBeVisible();
  await expect(site.field('Display name')).toHaveValue(somebodyElse.displayName);
});

scene('a page that comes into view finds out who is there', async ({
  site,
  page,
  signedIn,
  somebodyElse,
  takeOver,
  problems,
}) => {
  problems.allow(409, api.current);
  await site.goto(paths.ACCOUNT);
  await goOutOfView(page);
  await takeOver();

  await comeIntoView(page);

  await expect(page.getByText(somebodyElse.email)).toBeVisible();
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
});
