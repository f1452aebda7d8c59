import { expect, newUser, paths, test } from '../fixtures';
import type { Problems } from '../support/problems';
import { hold } from '../support/traffic';

const { api } = paths;

// The code that only one page needs is loaded with that page.
const PART = '**/pkg/split_*.wasm';

/** What the loader of such code logs to the console. */
function allowMissingPart(problems: Problems): void {
  problems.allow('', /^\/pkg\/split_/);
  problems.allow('TypeError: Failed to', /^\/pkg\/__wasm_split/);
  problems.allow('uncaught: Failed to fetch', paths.HOME);
}

test('a page that is gone to has the focus', async ({ site, page }) => {
  await site.goto(paths.HOME);
  await site.nav.getByRole('link', { name: 'Create account' }).focus();

  await page.keyboard.press('Enter');

  await site.isAt(paths.SIGN_UP, 'Create account');
  await expect(page.getByRole('main')).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(site.field('E-mail address')).toBeFocused();
});

for (const [what, answer] of [
  ['is of another build by now', { status: 404 }],
  ['is out of reach', undefined],
] as const) {
  test(`a page whose code ${what} is loaded as a document`, async ({ site, page, problems }) => {
    allowMissingPart(problems);
    await site.goto(paths.HOME);
    let requests = 0;
    await page.route(PART, async (route) => {
      requests += 1;
      // The document requests it as well.
      await (requests > 1 ? route.continue() : answer ? route.fulfill(answer) : route.abort());
    });
    const document = page.waitForRequest((request) => request.isNavigationRequest());

    await site.nav.getByRole('link', { name: 'Sign in' }).click();

    expect(new URL((await document).url()).pathname).toBe(paths.LOGIN);
    await site.isAt(paths.LOGIN, 'Sign in');
    await page.goBack();
    await site.isAt(paths.HOME, 'Sign in once.');
  });
}

test('a document whose code does not come is there all the same, and is not loaded again and again', async ({
  page,
  problems,
}) => {
  allowMissingPart(problems);
  let documents = 0;
  page.on('request', (request) => (documents += Number(request.isNavigationRequest())));
  await page.route(PART, (route) => route.fulfill({ status: 404 }));

  await page.goto(paths.LOGIN);
  await page.waitForLoadState('networkidle');

  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();
  expect(documents).toBe(1);
});

test('a password whose rating has not come is not sent from the next page', async ({ site, page, traffic }) => {
  await page.clock.install();
  await site.goto(paths.SIGN_UP);
  await page.clock.pauseAt(Date.now() + 60_000);
  await site.field('Password').fill(newUser().password);

  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();

  await site.isAt(paths.LOGIN, 'Sign in');
  await page.clock.fastForward('00:05');
  await site.showsNobody();
  expect(await traffic.calls()).toEqual([]);
});

test('a rating that comes when the page has been left causes no error', async ({ site, page }) => {
  await site.goto(paths.SIGN_UP);
  const rating = await hold(page, api.ratePassword);
  await site.field('Password').fill(newUser().password);
  await rating.arrived;
  await page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
  await site.isAt(paths.LOGIN, 'Sign in');
  const rated = page.waitForResponse(`**${api.ratePassword}`);

  rating.letGo();

  await (await rated).finished();
  await site.nav.getByRole('link', { name: 'Create account' }).click();
  await site.isAt(paths.SIGN_UP, 'Create account');
});
