import { expect, paths, test } from '../fixtures';
import { Pair } from '../support/servers';

// With a server and an upstream of its own, because the upstream is killed here.
const pair = new Pair();
test.use({ baseURL: pair.url });
test.beforeAll(() => pair.start());
test.afterAll(() => pair.stop());

test('the service is killed and comes back, and nothing is lost', async ({ site, page, signedIn: _, problems }) => {
  problems.allow(502, paths.upstreams.notes);
  problems.allow(502, paths.upstreams.changes);
  problems.allow(502, paths.NOTES);
  problems.allow(503, paths.NOTES);
  problems.allow('net::ERR_', paths.upstreams.changes);
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'one');

  await pair.killNotes();
  await expect(page.getByText('The notes cannot be reached at the moment. What you see')).toBeVisible();
  await expect(site.note('Plan').getByText('one')).toBeVisible();
  await site.fillNote('In between', 'two');
  await site.button('Add').click();
  const form = site.note('New note');
  await expect(form.getByRole('alert')).toHaveText(/cannot be reached/);
  await expect(form.getByLabel('Text')).toHaveValue('two');
  await site.showsSomebody();

  await pair.startNotes();
  await expect(page.getByText('The notes cannot be reached at the moment. What you see')).toHaveCount(0);
  await site.button('Add').click();
  await expect(site.note('In between').getByText('two')).toBeVisible();

  await pair.killNotes();
  await site.goto(paths.NOTES);
  await expect(page.getByRole('alert')).toHaveText(/cannot be reached/);
  await pair.startNotes();
  await expect(site.note('Plan').getByText('one')).toBeVisible();
});
