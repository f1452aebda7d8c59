import { expect, paths, test } from '../fixtures';

test('a note is written, changed, found and deleted', async ({ site, page, signedIn: _ }) => {
  await site.goto(paths.ACCOUNT);
  await site.nav.getByRole('link', { name: 'Notes', exact: true }).click();
  await site.isAt(paths.NOTES, 'Notes');
  await expect(page.getByText('There are no notes yet.')).toBeVisible();

  await site.writeNote('Shopping', 'milk\nbread & <butter>');
  await site.writeNote('Books', 'Äpfel und Birnen');
  await expect(page.getByRole('region').getByRole('heading', { level: 2 })).toHaveText(['New note', 'Books', 'Shopping']);
  await expect(site.note('Shopping').getByText('milk')).toHaveText('milk\nbread & <butter>', { useInnerText: true });

  await site.changeNote('Shopping', { Title: 'Shopping today', Text: 'cheese' });
  await expect(site.note('Shopping today').getByText('cheese')).toBeVisible();
  await expect(site.note('Shopping')).toHaveCount(0);

  await page.getByRole('searchbox', { name: 'Search the notes' }).fill('äPFEL');
  await site.button('Search').click();
  await expect(page).toHaveURL(`${paths.NOTES}?q=%C3%A4PFEL`);
  await expect(site.note('Books')).toBeVisible();
  await expect(site.note('Shopping today')).toHaveCount(0);

  await site.note('Books').getByRole('button', { name: 'Delete' }).click();
  await expect(site.note('Books')).toHaveCount(0);
  await site.goto(paths.NOTES);
  await expect(site.note('Shopping today')).toBeVisible();
  await expect(site.note('Books')).toHaveCount(0);
});

test('a note that cannot be stored comes back with what was typed', async ({ site, page, signedIn: _, problems }) => {
  problems.allow(422, paths.api.addNote);
  problems.allow(422, paths.upstreams.notes);
  await site.goto(paths.NOTES);
  const form = site.note('New note');
  await form.getByLabel('Text').fill('without a title');
  await form.getByRole('button', { name: 'Add' }).click();
  await expect(form.getByText('Enter a title.')).toBeVisible();
  await expect(form.getByLabel('Title')).toBeFocused();
  await expect(form.getByLabel('Text')).toHaveValue('without a title');
  await form.getByLabel('Title').fill('With one');
  await form.getByRole('button', { name: 'Add' }).click();
  await expect(site.note('With one').getByText('without a title')).toBeVisible();
  await expect(page.getByText('Enter a title.')).toHaveCount(0);
});

test('a change never overwrites an unseen version', async ({ site, page, openTab, signedIn: _, problems }) => {
  problems.allow(409, paths.api.changeNote);
  await page.route(`**${paths.upstreams.changes}`, (route) => route.abort('aborted'));
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');
  await site.note('Plan').getByRole('link', { name: 'Edit' }).click();
  await expect(page.getByLabel('Title').nth(1)).toHaveValue('Plan');

  const other = await openTab();
  await other.goto(paths.NOTES);
  await other.changeNote('Plan', { Text: 'two' });
  await expect(other.note('Plan').getByText('two')).toBeVisible();

  const card = site.note('Plan');
  await card.getByLabel('Text').fill('three');
  problems.allow(409, new RegExp(`^${paths.upstreams.notes}/`));
  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByRole('alert')).toHaveText(/changed elsewhere/);
  await expect(card.getByRole('alert')).toBeFocused();
  await expect(card.getByLabel('Text')).toHaveValue('three');
  await expect(card.getByText('two')).toBeVisible();

  await card.getByRole('button', { name: 'Save' }).click();
  await expect(card.getByRole('alert')).toHaveCount(0);
  await expect(card.getByText('three')).toBeVisible();
});

test('notes are private', async ({ site, page, user, signedIn: _, jar }) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Diary', user.email);
  await jar.delete('accessToken', 'refreshToken', 'tokenLife');
  await site.goto(paths.NOTES);
  await expect(page).toHaveURL(`${paths.LOGIN}?return_to=${paths.NOTES}`);
  await site.signIn(user);
  await site.isAt(paths.NOTES, 'Notes');
  await expect(site.note('Diary').getByText(user.email)).toBeVisible();
});
