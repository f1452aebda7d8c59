import type { Route } from '@playwright/test';
import { ALL_THREE, expect, paths, test } from '../fixtures';
import { hold } from '../support/traffic';

const { api } = paths;

const OUTAGES: { what: string; shows: number | string; answer: (route: Route) => Promise<void> }[] = [
  {
    what: 'the server is overwhelmed',
    shows: 503,
    answer: (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: { code: 'unavailable' } }),
  },
  { what: 'the server fails', shows: 500, answer: (route) => route.fulfill({ status: 500, body: 'Oops' }) },
  {
    what: 'there is no network',
    shows: 'net::ERR_INTERNET_DISCONNECTED',
    answer: (route) => route.abort('internetdisconnected'),
  },
];

for (const { what, shows, answer } of OUTAGES) {
  test(`the user stays signed in when ${what} during a refresh`, async ({ site, page, signedIn, jar, problems }) => {
    problems.allow(shows, api.refresh);
    problems.allow(401, api.changeDisplayName);
    await site.goto(paths.ACCOUNT);
    const refreshToken = await jar.value('refreshToken');
    await jar.delete('accessToken', 'tokenLife');
    await page.route(`**${api.refresh}`, answer);

    await site.rename('Robin in the Dark');

    await expect(page.getByRole('alert')).toHaveText(/We cannot reach (your account|the server)/);
    await site.showsSomebody();
    await expect(page.getByText(signedIn.email)).toBeVisible();
    await expect(site.field('Display name')).toHaveValue('Robin in the Dark');
    expect(await jar.value('refreshToken')).toBe(refreshToken);

    await page.unroute(`**${api.refresh}`);
    await site.reload();
    await site.showsSomebody();
    expect(await jar.names()).toEqual(ALL_THREE);
    await site.rename('Robin in the Light');
    await site.isSaved();
  });
}

test('after an outage the open page works again by itself', async ({ site, page, signedIn: _, jar, problems }) => {
  problems.allow(503, api.refresh);
  problems.allow(401, api.changeDisplayName);
  await page.clock.install();
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  await page.route(`**${api.refresh}`, (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
  await site.rename('Robin');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unroute(`**${api.refresh}`);

  // A failed refresh is not retried at once.
  await page.clock.fastForward('00:02');
  await site.button('Save').click();

  await site.isSaved();
  expect(await jar.names()).toEqual(ALL_THREE);
});

test('a server that says when to come back is left alone until then', async ({
  site,
  page,
  signedIn: _,
  jar,
  traffic,
  problems,
}) => {
  problems.allow(503, api.refresh);
  problems.allow(401, api.changeDisplayName);
  await page.clock.install();
  await site.goto(paths.ACCOUNT);
  await jar.delete('accessToken', 'tokenLife');
  const busy = { status: 503, headers: { 'Retry-After': '120' }, json: { code: 'unavailable' } };
  await page.route(`**${api.refresh}`, (route) => route.fulfill(busy));
  await site.rename('Robin');
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unroute(`**${api.refresh}`);
  traffic.forget();

  await page.clock.fastForward('01:50');
  expect(await site.send('Save', api.changeDisplayName)).toBe(401);
  expect(await traffic.calls()).toEqual([`401 ${api.changeDisplayName}`]);
  await page.clock.fastForward('00:12');
  await site.button('Save').click();

  await site.isSaved();
});

test('who was offline need not wait once the network is back', async ({
  site,
  page,
  context,
  signedIn: _,
  jar,
  problems,
}) => {
  problems.allow('net::ERR_INTERNET_DISCONNECTED', api.refresh);
  problems.allow('net::ERR_INTERNET_DISCONNECTED', api.changeDisplayName);
  // Time stands still, so that no pause ends by itself.
  await page.clock.install();
  await site.goto(paths.ACCOUNT);
  await page.clock.pauseAt(Date.now() + 60_000);
  await jar.delete('accessToken', 'tokenLife');
  await context.setOffline(true);
  await site.rename('Robin');
  await expect(page.getByRole('alert')).toBeVisible();

  await context.setOffline(false);
  await site.button('Save').click();

  await site.isSaved();
  expect(await jar.names()).toEqual(ALL_THREE);
});

test('as long as the access token lives, a failed refresh holds nothing up', async ({
  site,
  page,
  signedIn: _,
  jar,
  traffic,
  problems,
}) => {
  problems.allow(503, api.refresh);
  await site.goto(paths.ACCOUNT);
  await jar.delete('tokenLife');
  await page.route(`**${api.refresh}`, (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
  await site.rename('Robin');
  await site.isSaved();
  expect(await traffic.calls()).toEqual([`503 ${api.refresh}`, `200 ${api.changeDisplayName}`]);
});

test('signing out where no answer ever comes says that it did not work', async ({ site, page, signedIn: _ }) => {
  await page.clock.install();
  await site.goto(paths.ACCOUNT);
  const logout = await hold(page, api.logout);
  await site.button('Sign out').click();
  await logout.arrived;
  await expect(site.button('Sign out')).toBeDisabled();

  await page.clock.fastForward('01:01');

  await expect(page.getByRole('alert')).toBeVisible();
  await expect(site.button('Sign out')).toBeEnabled();
  logout.letGo();
});

test('signing out without a network says that it did not work', async ({
  site,
  page,
  signedIn: _,
  jar,
  problems,
  context,
}) => {
  problems.allow('net::ERR_INTERNET_DISCONNECTED', api.logout);
  await site.goto(paths.ACCOUNT);
  await context.setOffline(true);
  await site.button('Sign out').click();
  await expect(page.getByRole('alert')).toHaveText(/We cannot reach the server/);
  expect(await jar.names()).toEqual(ALL_THREE);

  await context.setOffline(false);
  await site.signOut();
  expect(await jar.names()).toEqual([]);
});
