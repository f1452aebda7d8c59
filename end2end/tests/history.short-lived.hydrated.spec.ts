import { ALL_THREE, expect, paths, test } from '../fixtures';
import { goBack, goElsewhere, hadComeBack, wasLoadedAnew, watchReturns, withPageCache } from '../support/history';

test.use({ launchOptions: withPageCache() });
test.beforeEach(({ context }) => watchReturns(context));

test('a page that comes back after its access token has ended asks the server anew', async ({
  site,
  page,
  signedIn,
  jar,
}) => {
  await site.goto(paths.ACCOUNT);
  const endsAt = ((await jar.get('tokenLife'))?.expires ?? 0) * 1000;
  await goElsewhere(site);
  // Reading the jar would make Chromium delete expired cookies, and evict the cached page with them.
  await expect.poll(() => Date.now(), { message: 'the access token ends' }).toBeGreaterThan(endsAt);

  await goBack(site);

  await wasLoadedAnew(site);
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(page.getByText(signedIn.email)).toBeVisible();
  await expect(page.locator('html')).not.toHaveAttribute('data-concealed');
  expect(await hadComeBack(site)).toBe(paths.ACCOUNT);
  expect(await jar.names()).toEqual(ALL_THREE);
});
