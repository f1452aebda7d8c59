import { expect, paths, test } from '../fixtures';

test('a new display name is saved and shown everywhere', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);

  await site.rename('  Zoë 🦀 O’Neil ');

  await site.isSaved();
  await expect(site.field('Display name')).toHaveValue('Zoë 🦀 O’Neil');
  await page.getByRole('link', { name: 'tokenlife' }).click();
  await expect(page.getByText('Welcome back, Zoë 🦀 O’Neil.')).toBeVisible();
  await site.goto(paths.ACCOUNT);
  await expect(site.field('Display name')).toHaveValue('Zoë 🦀 O’Neil');
});

test('a display name can be saved again and again', async ({ site, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  for (const name of ['Ada', 'Grace', 'Barbara']) {
    await site.rename(name);
    await site.isSaved();
    await expect(site.field('Display name')).toHaveValue(name);
  }
});

test('what is special in a form or in HTML arrives as it was typed', async ({ site, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  const name = `1+1=2 & 100% ; a[b]=c 'q' "q" <b>é</b> \\ 🦀`;

  await site.rename(name);

  await site.isSaved();
  await site.goto(paths.ACCOUNT);
  await expect(site.field('Display name')).toHaveValue(name);
});

test('the page tells since when the session lasts and when it ends', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  const [since, until] = await page
    .getByRole('time')
    .evaluateAll((times) => times.map((time) => Date.parse(time.getAttribute('datetime') ?? '')));
  expect(Math.abs(Date.now() - (since ?? 0))).toBeLessThan(60_000);
  expect((until ?? 0) - (since ?? 0)).toBe(30 * 24 * 3600 * 1000);
});
