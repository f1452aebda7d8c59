import { expect, paths, test } from '../fixtures';

const { api } = paths;

const UNREADABLE = 'We cannot reach the server. Check your connection and try again.';

const LATER = 'Too many attempts. Try again in 3 seconds.';

/** A name for the response, its status, its body, and the text on the page. */
type Odd = [what: string, status: number, body: string, says: string];

const ODD: Odd[] = [
  ['details before the code', 429, '{"detail":{"retry_after_secs":3},"code":"rate_limited"}', LATER],
  ['more than is known', 429, '{"code":"rate_limited","detail":{"retry_after_secs":3,"x":[{}]},"y":1}', LATER],
  ['a problem with a figure', 422, invalid('{"too_long":{"max":9}}'), 'Use at most 9 characters.'],
  ['a problem of one word', 422, invalid('"taken"'), 'There is an account with this address already.'],
  ['two problems in one', 422, invalid('{"too_long":{"max":9},"taken":null}'), UNREADABLE],
  ['details of another kind', 422, '{"code":"validation","detail":"email"}', UNREADABLE],
  ['a code that is null', 422, '{"code":null}', UNREADABLE],
  ['an unknown code', 418, '{"code":"teapot"}', UNREADABLE],
  ['not a whole number', 429, '{"code":"rate_limited","detail":{"retry_after_secs":1.5}}', UNREADABLE],
  ['not an exact number', 429, '{"code":"rate_limited","detail":{"retry_after_secs":9007199254740993}}', UNREADABLE],
  ['a bottomless one', 422, `{"detail":${'['.repeat(100_000)}${']'.repeat(100_000)},"code":"validation"}`, UNREADABLE],
  ['a page', 502, '<!DOCTYPE html><title>502</title>', UNREADABLE],
  ['nothing', 502, '', UNREADABLE],
  ['success with something else', 200, '[1]', UNREADABLE],
];

function invalid(problem: string): string {
  return `{"code":"validation","detail":[{"field":"email","problem":${problem}}]}`;
}

test('whatever an answer is, the page says what it can, and the form can be sent again', async ({
  site,
  page,
  problems,
  user,
}) => {
  for (const [, status] of ODD) {
    problems.allow(status, api.login);
  }
  await site.goto(paths.LOGIN);
  for (const [what, status, body, says] of ODD) {
    await page.route(`**${api.login}`, (route) => route.fulfill({ status, body, contentType: 'application/json' }));
    await site.fill({ 'E-mail address': user.email, Password: 'wrong' });
    expect(await site.send('Sign in', api.login), what).toBe(status);
    await expect(page.getByText(says), what).toBeVisible();
    await expect(site.button('Sign in'), what).toBeEnabled();
    await page.unrouteAll();
  }

  await site.signIn(user);
  await site.isAt(paths.ACCOUNT, 'Account');
});
