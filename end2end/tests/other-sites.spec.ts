import type { Page } from '@playwright/test';
import { expect, newUser, paths, test } from '../fixtures';

const { api } = paths;
const EVIL = 'http://evil.test/';
const ENCTYPES = ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'] as const;

/** Another site with a form that is sent to ours. */
async function lure(page: Page, action: string, fields: Record<string, string>, enctype: string): Promise<number> {
  const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${name}" value="${value}">`);
  const body = `<form method="post" enctype="${enctype}" action="${action}">${inputs.join('')}<button>Win</button></form>`;
  await page.unrouteAll();
  await page.route(EVIL, (route) => route.fulfill({ contentType: 'text/html', body }));
  await page.goto(EVIL);
  const answered = page.waitForResponse(action);
  await page.getByRole('button', { name: 'Win' }).click();
  return (await answered).status();
}

test('another site can neither sign a user in nor create an account', async ({
  page,
  origin,
  user,
  jar,
  problems,
}) => {
  problems.allow(403, api.login);
  problems.allow(403, api.signUp);
  const { email, password } = user;
  for (const enctype of ENCTYPES) {
    expect(await lure(page, origin + api.login, { email, password }, enctype)).toBe(403);
  }
  const newcomer = { ...newUser(), display_name: 'Mallory' };
  expect(await lure(page, origin + api.signUp, newcomer, ENCTYPES[0])).toBe(403);
  expect(await jar.names()).toEqual([]);
});

test('another site can neither change anything nor sign a user out', async ({
  site,
  page,
  origin,
  signedIn,
  problems,
}) => {
  problems.allow(403, api.changeDisplayName);
  problems.allow(403, api.logout);
  expect(await lure(page, origin + api.changeDisplayName, { display_name: 'Mallory' }, ENCTYPES[0])).toBe(403);
  expect(await lure(page, origin + api.logout, {}, ENCTYPES[0])).toBe(403);
  await site.goto(paths.ACCOUNT);
  await site.showsSomebody();
  await expect(site.field('Display name')).toHaveValue(signedIn.displayName);
});

test('a link on another site leads to the page as one is signed in', async ({ site, page, origin, signedIn }) => {
  await page.route(EVIL, (route) =>
    route.fulfill({ contentType: 'text/html', body: `<a href="${origin}/account">Go</a>` }),
  );
  await page.goto(EVIL);
  await page.getByRole('link', { name: 'Go' }).click();
  await site.isAt(`${origin}/account`, 'Account');
  await expect(page.getByText(signedIn.email)).toBeVisible();
});

test('a page cannot be framed, not even by ourselves', async ({ page, origin, problems }) => {
  problems.allow("frame-ancestors 'none'", '/frame');
  problems.allow('ERR_BLOCKED_BY_RESPONSE', paths.LOGIN);
  const frame = `${origin}/frame`;
  await page.route(frame, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<iframe src="/login"></iframe>' }),
  );
  const refused = page.waitForEvent('requestfailed', (request) => new URL(request.url()).pathname === paths.LOGIN);
  await page.goto(frame);
  await refused;
  await expect(page.frameLocator('iframe').getByLabel('Password')).toHaveCount(0);
});
