import { ALL_THREE, expect, paths, test } from '../fixtures';

const { api } = paths;
const DAY = 24 * 3600 * 1000;

for (const [what, offset] of [
  ['ahead', DAY],
  ['behind', -DAY],
] as const) {
  test(`a clock a day ${what} changes nothing`, async ({ site, page, traffic, signedIn: _, jar }) => {
    await page.clock.install({ time: Date.now() + offset });
    await site.goto(paths.ACCOUNT);
    await site.rename('Robin of Another Day');
    await site.isSaved();
    await page.clock.setSystemTime(Date.now());
    await site.rename('Robin of Today');
    await site.isSaved();
    expect(await traffic.calls()).toEqual([`200 ${api.changeDisplayName}`, `200 ${api.changeDisplayName}`]);
    expect(await jar.names()).toEqual(ALL_THREE);
  });
}

test('a clock that jumps a day ahead, and takes the cookies along, costs one refresh', async ({
  site,
  page,
  traffic,
  signedIn: _,
  jar,
}) => {
  await page.clock.install();
  await site.goto(paths.ACCOUNT);
  await page.clock.setSystemTime(Date.now() + DAY);
  // The browser deletes cookies that have expired by its clock.
  await jar.delete('accessToken', 'tokenLife');
  for (const name of ['Robin', 'Robin the Second', 'Robin the Third']) {
    await site.rename(name);
    await expect(site.button('Save')).toBeEnabled();
    await site.isSaved();
  }
  const calls = await traffic.calls();
  expect(calls.filter((call) => call.endsWith(api.refresh))).toEqual([`200 ${api.refresh}`]);
});
