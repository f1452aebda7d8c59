import { ALL_THREE, expect, paths, test } from '../fixtures';

const { api } = paths;

test('who keeps clicking for three lives of an access token notices nothing', async ({
  site,
  signedIn: _,
  jar,
  traffic,
}) => {
  await site.goto(paths.ACCOUNT);
  for (const life of ['first', 'second', 'third']) {
    await expect.poll(() => jar.names(), { message: 'the access token ends' }).toEqual(['refreshToken']);
    traffic.forget();

    await site.rename(`Robin in the ${life} life`);

    await site.isSaved();
    expect(await traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
    expect(await jar.names()).toEqual(ALL_THREE);
  }
});

test('who comes back after the access token has ended is still signed in', async ({
  site,
  page,
  signedIn,
  jar,
  traffic,
}) => {
  await site.goto(paths.HOME);
  await expect.poll(() => jar.names(), { message: 'the access token ends' }).toEqual(['refreshToken']);
  traffic.forget();

  await site.reload();

  await expect(page.getByText(`Welcome back, ${signedIn.displayName}.`)).toBeVisible();
  expect(await traffic.calls()).toEqual([]);
  await site.nav.getByRole('link', { name: 'Account' }).click();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(page.getByText(signedIn.email)).toBeVisible();
});

test('who leaves the tab open signs out as if nothing had happened', async ({ site, signedIn: _, jar }) => {
  await site.goto(paths.ACCOUNT);
  await expect.poll(() => jar.names(), { message: 'the access token ends' }).toEqual(['refreshToken']);
  await site.signOut();
  expect(await jar.names()).toEqual([]);
});
