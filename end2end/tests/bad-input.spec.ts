import { expect, newUser, paths, test } from '../fixtures';
import type { Site } from '../support/site';

const { api } = paths;
const NOT_RIGHT = 'Wrong e-mail address or password.';

/** The message is next to the field, and refers to it for screen readers. */
async function hasProblem(site: Site, label: string, message: RegExp): Promise<void> {
  await expect(site.field(label)).toHaveAttribute('aria-invalid', 'true');
  await expect(site.field(label)).toHaveAccessibleDescription(message);
  await expect(site.page.locator('.field').filter({ has: site.field(label) })).toContainText(message);
}

async function isFine(site: Site, label: string): Promise<void> {
  await expect(site.field(label)).not.toHaveAttribute('aria-invalid', 'true');
}

test('an empty sign-up form names every field, and leads to the first', async ({ site, problems }) => {
  problems.allow(422, api.signUp);
  await site.goto(paths.SIGN_UP);

  expect(await site.send('Create account', api.signUp)).toBe(422);

  await hasProblem(site, 'E-mail address', /Enter your e-mail address\./);
  await hasProblem(site, 'Display name', /Enter a display name/);
  await hasProblem(site, 'Password', /Enter a password\./);
  await expect(site.field('E-mail address')).toBeFocused();
});

const REFUSED = [
  {
    what: 'an e-mail address without a domain',
    change: { email: 'robin@' },
    label: 'E-mail address',
    message: /like name@example\.com/,
  },
  {
    what: 'an e-mail address made of a tag',
    change: { email: '"><img src=x onerror=window.__xss=1>@example.com' },
    label: 'E-mail address',
    message: /like name@example\.com/,
  },
  { what: 'a short password', change: { password: 'kX9#pü7' }, label: 'Password', message: /at least 8 characters/ },
  { what: 'a common password', change: { password: 'sunshine' }, label: 'Password', message: /tried first/ },
  {
    what: 'a password that is quickly guessed',
    change: { password: 'aaaaaaaaaaaaaaaaaaaa' },
    label: 'Password',
    message: /quickly guessed/,
  },
  {
    what: 'a display name of spaces',
    change: { displayName: '   ' },
    label: 'Display name',
    message: /Enter a display name/,
  },
  {
    what: 'a display name without an end',
    change: { displayName: 'ä'.repeat(101) },
    label: 'Display name',
    message: /at most 100 characters/,
  },
];

for (const { what, change, label, message } of REFUSED) {
  test(`${what} is refused next to its field, and what was typed stays`, async ({ site, page, problems, jar }) => {
    problems.allow(422, api.signUp);
    const user = { ...newUser(), ...change };
    await site.goto(paths.SIGN_UP);
    await site.fill({ 'E-mail address': user.email, 'Display name': user.displayName, Password: user.password });

    expect(await site.send('Create account', api.signUp)).toBe(422);

    await hasProblem(site, label, message);
    await expect(site.field(label)).toBeFocused();
    await expect(site.field('E-mail address')).toHaveValue(user.email);
    await expect(site.field('Display name')).toHaveValue(user.displayName);
    await expect(site.field('Password')).toHaveValue('');
    expect(await page.content()).not.toContain(user.password);
    expect(await jar.names()).toEqual([]);
  });
}

test('an address that is taken is refused, and another one is accepted', async ({ site, problems, user }) => {
  problems.allow(422, api.signUp);
  const newcomer = newUser();
  await site.goto(paths.SIGN_UP);
  await site.fill({
    'E-mail address': user.email.toUpperCase(),
    'Display name': newcomer.displayName,
    Password: newcomer.password,
  });

  expect(await site.send('Create account', api.signUp)).toBe(422);

  await hasProblem(site, 'E-mail address', /account with this address already/);
  await isFine(site, 'Display name');
  await site.fill({ 'E-mail address': newcomer.email, Password: newcomer.password });
  await site.button('Create account').click();
  await site.isAt(paths.ACCOUNT, 'Account');
  await expect(site.field('Display name')).toHaveValue(newcomer.displayName);
});

for (const who of ['a user with an account', 'a user without an account']) {
  test(`a wrong password of ${who} is indistinguishable from an unknown address`, async ({
    site,
    page,
    problems,
    user,
    jar,
  }) => {
    problems.allow(401, api.login);
    const email = who === 'a user with an account' ? user.email : newUser().email;
    await site.goto(paths.LOGIN);
    await site.fill({ 'E-mail address': email, Password: 'not the password at all' });

    expect(await site.send('Sign in', api.login)).toBe(401);

    await expect(page.getByRole('alert')).toHaveText(NOT_RIGHT);
    await expect(site.field('E-mail address')).toHaveValue(email);
    await expect(site.field('Password')).toHaveValue('');
    await expect(site.field('Password')).toBeFocused();
    expect(await page.content()).not.toContain('not the password at all');
    expect(await jar.names()).toEqual([]);
  });
}

test('after a wrong password the right one leads to where one wanted to go', async ({ site, page, problems, user }) => {
  problems.allow(401, api.login);
  await site.goto('/account?from=mail');
  await site.fill({ 'E-mail address': user.email, Password: 'wrong' });
  expect(await site.send('Sign in', api.login)).toBe(401);
  await expect(page.getByRole('alert')).toHaveText(NOT_RIGHT);

  await site.signIn(user);

  await site.isAt('/account?from=mail', 'Account');
});

test('a refused form can be opened again, and is empty then', async ({ site, page, problems }) => {
  problems.allow(401, api.login);
  await site.goto(paths.LOGIN);
  await site.fill({ 'E-mail address': 'robin@example.com', Password: 'wrong' });
  expect(await site.send('Sign in', api.login)).toBe(401);
  await expect(page.getByRole('heading', { level: 1, name: 'Sign in' })).toBeVisible();

  // The URL in the address bar now can be opened, copied or bookmarked.
  await page.goto(page.url());

  await site.isAt(paths.LOGIN, 'Sign in');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(site.field('E-mail address')).toHaveValue('');
});

test('a display name that is refused changes nothing', async ({ site, problems, signedIn }) => {
  problems.allow(422, api.changeDisplayName);
  await site.goto(paths.ACCOUNT);
  await site.fill({ 'Display name': 'a\u{202e}b' });

  expect(await site.send('Save', api.changeDisplayName)).toBe(422);

  await hasProblem(site, 'Display name', /invisible characters/);
  await expect(site.field('Display name')).toBeFocused();
  await site.goto(paths.ACCOUNT);
  await expect(site.field('Display name')).toHaveValue(signedIn.displayName);
});
