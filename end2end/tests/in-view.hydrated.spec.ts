import { ALL_THREE, expect, paths, test } from '../fixtures';
import { Traffic } from '../support/traffic';
import { comeIntoView, goOutOfView } from '../support/view';

const { api } = paths;

test('a page that comes into view with a good token asks nothing', async ({ site, page, traffic, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  await goOutOfView(page);
  await comeIntoView(page);
  await site.rename('Robin');
  await site.isSaved();
  expect(await traffic.calls()).toEqual([`200 ${api.changeDisplayName}`]);
});

test('a page whose token has ended renews it when it comes into view', async ({
  site,
  page,
  traffic,
  signedIn: _,
  jar,
}) => {
  await site.goto(paths.ACCOUNT);
  await site.fill({ 'Display name': 'half a na' });
  await goOutOfView(page);
  await jar.delete('accessToken', 'tokenLife');

  await comeIntoView(page);

  await expect.poll(() => traffic.calls()).toEqual([`200 ${api.refresh}`, `200 ${api.current}`]);
  expect(await jar.names()).toEqual(ALL_THREE);
  await expect(site.field('Display name')).toHaveValue('half a na');
});

test('ten tabs that wake up together renew once', async ({ openTab, signedIn: _, jar }) => {
  const tabs = await Promise.all(Array.from({ length: 10 }, openTab));
  const traffic = tabs.map((tab) => new Traffic(tab.page));
  await Promise.all(tabs.map((tab) => tab.goto(paths.ACCOUNT)));
  await Promise.all(tabs.map((tab) => goOutOfView(tab.page)));
  await jar.delete('accessToken', 'tokenLife');

  await Promise.all(tabs.map((tab) => comeIntoView(tab.page)));

  const calls = async () => (await Promise.all(traffic.map((tab) => tab.calls()))).flat();
  await expect.poll(calls).toContain(`200 ${api.refresh}`);
  await Promise.all(tabs.map((tab) => tab.rename('Robin Awake')));
  await Promise.all(tabs.map((tab) => tab.isSaved()));
  expect((await calls()).filter((call) => call.endsWith(api.refresh))).toEqual([`200 ${api.refresh}`]);
  expect((await calls()).filter((call) => !call.startsWith('200 '))).toEqual([]);
});

test('a page whose session has ended meanwhile leads to the sign-in page', async ({
  site,
  page,
  signedIn,
  context,
  jar,
  problems,
}) => {
  problems.allow(401, api.refresh);
  problems.allow(401, api.current);
  await site.goto(paths.ACCOUNT);
  await goOutOfView(page);
  await context.clearCookies();

  await comeIntoView(page);

  await site.isAt(paths.LOGIN, 'Sign in');
  await expect(page.getByText(signedIn.email)).toHaveCount(0);
  expect(await jar.names()).toEqual([]);
});
