import { expect, newUser, paths, test } from '../fixtures';
import { gate } from '../support/gate';
import { hold } from '../support/traffic';

const { api } = paths;

test('an impatient double click sends a form once', async ({ site, page, traffic, user }) => {
  const answer = gate();
  await page.route(`**${api.login}`, async (route) => {
    await answer.opened;
    await route.continue();
  });
  await site.goto(paths.LOGIN);
  await site.fill({ 'E-mail address': user.email, Password: user.password });

  await site.button('Sign in').dblclick();

  await expect(site.button('Sign in')).toBeDisabled();
  await page.keyboard.press('Enter');
  answer.open();
  await site.isAt(paths.ACCOUNT, 'Account');
  expect(await traffic.calls()).toEqual([`200 ${api.login}`]);
});

test('a form that is sent before the page is alive comes back alive', async ({ site, page, problems }) => {
  problems.allow(401, api.login);
  const wasm = gate();
  await page.route('**/*.wasm', async (route) => {
    await wasm.opened;
    await route.abort('aborted');
  });
  await page.goto('/login?return_to=/%3Fx%3D1');
  await site.fill({ 'E-mail address': 'robin@example.com', Password: 'wrong' });
  expect(await site.send('Sign in', api.login)).toBe(401);
  await expect(page.getByRole('alert')).toBeVisible();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  wasm.open();

  // The response is at the function's path; the page moves to the form's own.
  await expect(page).toHaveURL('/login?return_to=/%3Fx%3D1');
  await expect(page.getByRole('alert')).toHaveText('Wrong e-mail address or password.');
  await expect(site.field('E-mail address')).toHaveValue('robin@example.com');
  await expect(site.field('Password')).toHaveValue('');
});

test('what is typed before the page is alive is not lost', async ({ site, page }) => {
  const wasm = gate();
  await page.route('**/*.wasm', async (route) => {
    await wasm.opened;
    await route.continue();
  });
  const user = newUser();
  await page.goto(paths.SIGN_UP);
  await site.fill({ 'E-mail address': user.email, 'Display name': user.displayName, Password: user.password });
  await expect(page.locator('html')).not.toHaveAttribute('data-hydrated');
  wasm.open();
  await site.isAlive();
  await expect(site.field('E-mail address')).toHaveValue(user.email);
  await expect(site.field('Display name')).toHaveValue(user.displayName);
  await expect(site.field('Password')).toHaveValue(user.password);
  await site.button('Create account').click();
  await site.isAt(paths.ACCOUNT, 'Account');
});

test('a password can be looked at, and is hidden again', async ({ site, page }) => {
  await site.goto(paths.LOGIN);
  await site.fill({ Password: 'vermilion otter' });
  const show = page.getByRole('button', { name: 'Show' });
  await expect(show).toHaveAttribute('aria-pressed', 'false');
  await show.click();
  await expect(site.field('Password')).toHaveAttribute('type', 'text');
  await expect(show).toHaveAttribute('aria-pressed', 'true');
  await show.click();
  await expect(site.field('Password')).toHaveAttribute('type', 'password');
  await expect(site.field('Password')).toHaveValue('vermilion otter');
});

test('the strength meter rates a password while it is typed', async ({ site, page, traffic }) => {
  await site.goto(paths.SIGN_UP);
  const meter = page.getByRole('meter', { name: 'Strength' });
  await site.field('Password').pressSequentially('sunshine');
  await expect(page.getByText('One of the passwords that are tried first.')).toBeVisible();
  await expect(meter).toHaveAttribute('value', '0');
  await site.fill({ Password: newUser().password });
  await expect(page.getByText('Very good.')).toBeVisible();
  await expect(meter).toHaveAttribute('value', '4');
  await site.fill({ Password: 'short' });
  await expect(meter).toHaveAttribute('value', '0');
  const calls = await traffic.calls();
  expect(calls).toEqual([`200 ${api.ratePassword}`, `200 ${api.ratePassword}`]);
});

test('what is rated is what was typed', async ({ site, page }) => {
  const typed = { email: 'a+b=c&d%65@example.com', display_name: '', password: '1+1=2 & 100% [x]=é 🦀' };
  await site.goto(paths.SIGN_UP);
  const requested = page.waitForRequest(`**${api.ratePassword}`);

  await site.fill({ 'E-mail address': typed.email, Password: typed.password });

  expect(Object.fromEntries(new URLSearchParams((await requested).postData() ?? ''))).toEqual(typed);
});

test('an answer that comes late does not bring an old error back', async ({ site, page, problems, user }) => {
  problems.allow(401, api.login);
  await site.goto(paths.LOGIN);
  await site.fill({ 'E-mail address': user.email, Password: 'wrong' });
  expect(await site.send('Sign in', api.login)).toBe(401);
  await expect(page.getByRole('alert')).toBeVisible();
  const answer = gate();
  await page.route(`**${api.login}`, async (route) => {
    await answer.opened;
    await route.continue();
  });

  await site.signIn(user);

  await expect(page.getByRole('alert')).toHaveCount(0);
  answer.open();
  await site.isAt(paths.ACCOUNT, 'Account');
});

test('the button stays where it is while the password is rated', async ({ site, page }) => {
  await site.goto(paths.SIGN_UP);
  const before = await site.button('Create account').boundingBox();
  for (const [password, advice] of [
    ['vermilion otter juggles', 'Very good.'],
    ['password1', 'One of the passwords that are tried first.'],
  ] as const) {
    await site.fill({ Password: password });
    await expect(page.getByText(advice)).toBeVisible();
    expect(await site.button('Create account').boundingBox()).toEqual(before);
  }
});

test('what is typed while the display name is saved is not taken away', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  const change = await hold(page, api.changeDisplayName);
  await site.rename('Robin the Early');
  await change.arrived;
  await site.field('Display name').fill('Robin the Earl');

  change.letGo();

  await site.isSaved();
  await expect(site.field('Display name')).toHaveValue('Robin the Earl');
});
