import type { Locator } from '@playwright/test';
import { expect, paths, test } from '../fixtures';
import type { Site } from '../support/site';
import { hold } from '../support/traffic';
import { signIn } from '../support/users';

/** Deletes a note, and waits for it to be done. */
async function deleteNote(site: Site, title: string): Promise<void> {
  const deleted = site.page.waitForResponse((answer) => answer.request().method() === 'DELETE');
  await site.note(title).getByRole('button', { name: 'Delete' }).click();
  expect((await deleted).status()).toBe(204);
}

test('what is written in one tab is seen in the other', async ({ site, openTab, signedIn: _ }) => {
  await site.goto(paths.NOTES);
  const other = await openTab();
  await other.goto(paths.NOTES);

  await site.writeNote('Plan', 'one');
  await expect(other.note('Plan').getByText('one')).toBeVisible();
  await other.changeNote('Plan', { Text: 'two' });
  await expect(site.note('Plan').getByText('two')).toBeVisible();
  await site.note('Plan').getByRole('button', { name: 'Delete' }).click();
  await expect(other.note('Plan')).toHaveCount(0);
});

test('a user who is typing is not interrupted', async ({ site, page, openTab, signedIn: _ }) => {
  await site.goto(paths.NOTES);
  const other = await openTab();
  await other.goto(paths.NOTES);
  await site.writeNote('Books', 'none');
  await site.writeNote('Plan', 'one');
  await site.note('Plan').getByRole('link', { name: 'Edit' }).click();
  await site.note('Plan').getByLabel('Text').fill('half a sent');

  await other.changeNote('Books', { Text: 'two' });
  await expect(site.note('Books').getByText('two')).toBeVisible();
  await page.keyboard.type('ence');
  await other.changeNote('Plan', { Title: 'Other plan' });

  await expect(site.note('Other plan').getByLabel('Text')).toHaveValue('half a sentence');
  await expect(site.note('Other plan').getByLabel('Text'), 'although the cards have changed places').toBeFocused();
});

test('saving one note takes nothing away from another', async ({ site, page, signedIn: _, problems }) => {
  problems.allow(422, new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`));
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.writeNote('Books', 'none');
  await site.changeNote('Books', { Title: '' });
  await expect(page.getByText('Enter a title.')).toBeVisible();
  await site.note('Plan').getByRole('link', { name: 'Edit' }).click();
  await site.note('Plan').getByLabel('Text').fill('half a sent');
  await site.note('Books').getByLabel('Title').fill('Boots');
  await site.note('Books').getByRole('button', { name: 'Save' }).click();
  await expect(site.note('Boots').getByRole('link', { name: 'Edit' })).toBeVisible();
  await expect(site.note('Plan').getByLabel('Text')).toHaveValue('half a sent');

  await site.field('Search the notes').fill('Boots');
  await site.button('Search').click();

  await expect(page).toHaveURL(/q=Boots/);
  await expect(site.note('Plan').getByLabel('Text')).toHaveValue('half a sent');
});

test('the search field says what is searched for, however that has come about', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.NOTES);
  await site.field('Search the notes').fill('Boots');
  await site.button('Search').click();
  await expect(page).toHaveURL(/q=Boots/);

  await page.goBack();

  await expect(site.field('Search the notes')).toHaveValue('');
  await page.goForward();
  await expect(site.field('Search the notes')).toHaveValue('Boots');
  await site.nav.getByRole('link', { name: 'Notes' }).click();
  await expect(site.field('Search the notes')).toHaveValue('');
});

test('the focus follows what is done with a note, and the status names it', async ({
  site,
  page,
  signedIn: _,
  problems,
}) => {
  problems.allow(422, new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`));
  const press = async (target: Locator) => {
    await target.focus();
    await page.keyboard.press('Enter');
  };
  const status = (text: string) => page.getByRole('status').filter({ hasText: text });
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.writeNote('Books', 'none');
  await expect(status('Added.')).toBeVisible();
  const card = site.note('Plan');

  await press(card.getByRole('link', { name: 'Edit' }));
  await expect(card.getByLabel('Title')).toBeFocused();
  await press(card.getByRole('link', { name: 'Cancel' }));
  await expect(card.getByRole('heading')).toBeFocused();

  await press(card.getByRole('link', { name: 'Edit' }));
  await card.getByLabel('Title').fill('');
  await press(card.getByRole('button', { name: 'Save' }));
  await expect(card.getByText('Enter a title.')).toBeVisible();
  await expect(card.getByLabel('Title')).toBeFocused();
  await card.getByLabel('Title').fill('New plan');
  await press(site.note('Plan').getByRole('button', { name: 'Save' }));
  await expect(status('Saved.')).toBeVisible();
  const changed = site.note('New plan');
  await expect(page.getByRole('region').getByRole('heading', { level: 2 })).toHaveText(['New note', 'New plan', 'Books']);
  await expect(changed.getByRole('heading')).toBeFocused();

  await press(changed.getByRole('button', { name: 'Delete' }));
  await expect(status('Deleted.')).toBeFocused();
  await expect(changed).toHaveCount(0);
});

test('the focus is not taken from a user who has gone on', async ({ site, page, signedIn: _, problems }) => {
  const { notes } = paths.upstreams;
  problems.allow(503, new RegExp(`^${notes}/[0-9a-f]`));
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  const saving = await hold(page, `${notes}/*`, (route) =>
    route.fulfill({ status: 503, json: { code: 'unavailable' } }),
  );
  await site.changeNote('Plan', { Text: 'two' });
  await saving.arrived;
  await site.note('New note').getByLabel('Text').focus();

  saving.letGo();

  await expect(site.note('Plan').getByRole('alert')).toHaveText(/cannot be reached/);
  await page.keyboard.type('three');
  await expect(site.note('New note').getByLabel('Text')).toHaveValue('three');
});

test('what is typed into a note that is deleted meanwhile is kept, and can be added', async ({
  site,
  page,
  openTab,
  signedIn: _,
}) => {
  await site.goto(paths.NOTES);
  const other = await openTab();
  await other.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  const card = site.note('Plan');
  for (const then of ['Dismiss', 'Add as a new note']) {
    await card.getByRole('link', { name: 'Edit' }).click();
    await card.getByLabel('Text').fill('half a sent');

    await deleteNote(other, 'Plan');

    await expect(card.getByRole('alert')).toHaveText('This note was deleted elsewhere in the meantime.');
    await expect(card.getByLabel('Text')).toHaveValue('half a sent');
    await expect(card.getByLabel('Text'), 'typing is not interrupted').toBeFocused();
    await card.getByRole('button', { name: then }).or(card.getByRole('link', { name: then })).click();
    if (then === 'Dismiss') {
      await expect(card).toHaveCount(0);
      await expect(page).toHaveURL(paths.NOTES);
      await site.writeNote('Plan', 'one');
    }
  }
  await expect(card.getByRole('link', { name: 'Edit' })).toBeVisible();
  await expect(card.getByText('half a sent')).toBeVisible();
  await expect(other.note('Plan').getByText('half a sent')).toBeVisible();
});

test('a note that leaves the search stays while the user types in it', async ({
  site,
  openTab,
  signedIn: _,
  problems,
}) => {
  problems.allow(409, new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`));
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'milk');
  const other = await openTab();
  await other.goto(paths.NOTES);
  await site.goto(`${paths.NOTES}?q=milk`);
  await site.note('Plan').getByRole('link', { name: 'Edit' }).click();
  await site.note('Plan').getByLabel('Text').fill('milk and honey');

  await other.changeNote('Plan', { Title: 'Other plan', Text: 'bread' });

  const card = site.note('Other plan');
  await expect(card.getByLabel('Text')).toHaveValue('milk and honey');
  await expect(card.getByRole('alert')).toHaveCount(0);
  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByRole('alert')).toHaveText(/changed elsewhere/);
  await expect(card.getByText('bread')).toBeVisible();
  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByRole('alert')).toHaveCount(0);
  await expect(site.note('Plan').getByText('milk and honey')).toBeVisible();
});

test('what is on its way while something else is searched for does not stay among what is found', async ({
  site,
  page,
  signedIn: _,
}) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.writeNote('Books', 'none');
  const saving = await hold(page, `${paths.upstreams.notes}/*`);
  await site.changeNote('Plan', { Text: 'two' });
  await saving.arrived;
  await page.getByRole('searchbox').fill('books');
  await site.button('Search').click();
  await expect(page).toHaveURL(`${paths.NOTES}?q=books`);

  saving.letGo();

  await expect(site.note('Books')).toBeVisible();
  await expect(site.note('Plan')).toHaveCount(0);
});

test('what was sent for a note that is gone, before the page was alive, comes back alive', async ({
  site,
  page,
  openTab,
  signedIn: _,
  problems,
}) => {
  problems.allow(404, paths.api.changeNote);
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  const card = site.note('Plan');
  const edit = await card.getByRole('link', { name: 'Edit' }).getAttribute('href');
  const other = await openTab();
  await other.goto(paths.NOTES);
  const wasm = await hold(page, '/*.wasm');
  await page.goto(edit ?? '');
  await card.getByLabel('Text').fill('half a sent');
  await deleteNote(other, 'Plan');

  await card.getByRole('button', { name: 'Save' }).click();

  await expect(card.getByRole('alert')).toHaveText('This note was deleted elsewhere in the meantime.');
  wasm.letGo();
  await site.isAlive();
  await expect(card.getByLabel('Text')).toHaveValue('half a sent');
  await card.getByRole('button', { name: 'Add as a new note' }).click();
  await expect(card.getByRole('link', { name: 'Edit' })).toBeVisible();
  await expect(card.getByText('half a sent')).toBeVisible();
  await expect(card.getByRole('alert')).toHaveCount(0);
});

test('a refused change that is mended overwrites nothing either', async ({ site, openTab, signedIn: _, problems }) => {
  const someNote = new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`);
  problems.allow(422, someNote);
  problems.allow(409, someNote);
  await site.goto(paths.NOTES);
  const other = await openTab();
  await other.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.note('Plan').getByRole('link', { name: 'Edit' }).click();
  await other.changeNote('Plan', { Title: 'Other plan', Text: 'two' });
  const card = site.note('Other plan');
  await expect(card, 'the page has received the change').toBeVisible();

  await card.getByLabel('Title').fill('');
  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByText('Enter a title.')).toBeVisible();
  await card.getByLabel('Title').fill('My plan');
  await card.getByRole('button', { name: 'Save' }).click();

  await expect(card.getByRole('alert')).toHaveText(/changed elsewhere/);
  await expect(card.getByText('two')).toBeVisible();
  await expect(card.getByLabel('Title')).toHaveValue('My plan');
});

test('a change is shown before it has arrived, and taken off if it does not', async ({
  site,
  page,
  signedIn: _,
  problems,
}) => {
  const someNote = new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`);
  problems.allow(503, someNote);
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  let fail = () => {};
  const held = new Promise<void>((resolve) => (fail = resolve));
  await page.route(
    (url) => someNote.test(url.pathname),
    async (route) => {
      await held;
      await route.fulfill({ status: 503, json: { code: 'unavailable' } });
    },
    { times: 1 },
  );

  await site.changeNote('Plan', { Text: 'two' });
  const card = site.note('Plan');
  await expect(card.getByText('two')).toBeVisible();
  await expect(card.getByText('Saving…')).toBeVisible();

  fail();
  await expect(card.getByRole('alert')).toHaveText(/cannot be reached/);
  await expect(card.getByRole('alert')).toBeFocused();
  await expect(card.getByLabel('Text')).toHaveValue('two');
  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByText('two')).toBeVisible();
  await expect(card.getByRole('link', { name: 'Edit' })).toBeVisible();
  await site.reload();
  await expect(card.getByText('two')).toBeVisible();
});

test('a deletion that was not made brings the note back', async ({ site, page, signedIn: _, problems }) => {
  const someNote = new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`);
  problems.allow(502, someNote);
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await page.route(
    (url) => someNote.test(url.pathname),
    (route) => route.fulfill({ status: 502, body: '' }),
    { times: 1 },
  );
  await site.note('Plan').getByRole('button', { name: 'Delete' }).click();
  await expect(site.note('Plan').getByRole('alert')).toHaveText(/cannot be reached/);
  await expect(site.note('Plan').getByRole('alert')).toBeFocused();
  await site.note('Plan').getByRole('button', { name: 'Delete' }).click();
  await expect(site.note('Plan')).toHaveCount(0);
});

test('a response that arrives when the page has been left causes no error, and is shown on return', async ({
  site,
  page,
  signedIn: _,
  problems,
}) => {
  problems.allow(409, new RegExp(`^${paths.upstreams.notes}/[0-9a-f]`));
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  const adding = await hold(page, paths.upstreams.notes);
  const changing = await hold(page, `${paths.upstreams.notes}/*`, (route) =>
    route.fulfill({ status: 409, json: { code: 'conflict' } }),
  );
  await site.changeNote('Plan', { Text: 'two' });
  await changing.arrived;
  await site.fillNote('Other plan', 'three');
  await site.button('Add').click();
  await adding.arrived;
  await site.nav.getByRole('link', { name: 'Account', exact: true }).click();
  await site.isAt(paths.ACCOUNT, 'Account');

  const answered = [201, 409].map((status) => page.waitForResponse((answer) => answer.status() === status));
  adding.letGo();
  changing.letGo();
  await Promise.all(answered);

  await site.rename('Robin of Another Page');
  await site.isSaved();
  await site.nav.getByRole('link', { name: 'Notes' }).click();
  await expect(site.note('Other plan').getByText('three')).toBeVisible();
  await expect(site.note('Plan').getByText('This note was changed elsewhere in the meantime.')).toBeVisible();
  await expect(site.note('Plan').getByLabel('Text')).toHaveValue('two');
});

test('a session that was ended elsewhere shows no notes any more', async ({
  site,
  page,
  playwright,
  origin,
  signedIn,
  problems,
}) => {
  const { notes, changes } = paths.upstreams;
  [notes, changes, paths.api.refresh, paths.api.current].forEach((path) => problems.allow(401, path));
  problems.allow('net::ERR_', changes);
  const phone = await signIn(playwright.request, origin, signedIn, 'curl/8.11.0');
  await site.goto(paths.NOTES);
  await site.writeNote('Diary', 'only for my eyes');

  expect((await phone.post(paths.api.endOtherSessions, { form: {} })).status()).toBe(200);

  await site.isAt(`${paths.LOGIN}?return_to=${paths.NOTES}`, 'Sign in');
  await expect(page.getByText('only for my eyes')).toHaveCount(0);
  await phone.dispose();
});

test('one stream too many is no outage, and the page stays up to date without it', async ({
  site,
  page,
  openTab,
  signedIn: _,
  problems,
}) => {
  problems.allow(429, paths.upstreams.changes);
  await page.route(`**${paths.upstreams.changes}`, (route) =>
    route.fulfill({ status: 429, json: { code: 'too_many_streams', detail: { max: 20 } } }),
  );
  await site.goto(paths.NOTES);
  const other = await openTab();
  await other.goto(paths.NOTES);

  await other.writeNote('Plan', 'one');

  // It reloads by itself, but ever more rarely.
  await expect(site.note('Plan').getByText('one')).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText('The notes cannot be reached')).toHaveCount(0);
});
