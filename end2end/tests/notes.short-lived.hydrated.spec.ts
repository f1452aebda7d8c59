import { expect, paths, test } from '../fixtures';

test('notes are changed and heard of while one access token follows the other', async ({
  site,
  openTab,
  signedIn: _,
  jar,
}) => {
  await site.goto(paths.NOTES);
  await site.writeNote('Plan', 'in no life yet');
  const other = await openTab();
  await other.goto(paths.NOTES);
  for (const life of ['first', 'second', 'third']) {
    const before = await jar.value('accessToken');
    await expect.poll(() => jar.value('accessToken'), { message: 'the access token ends' }).not.toBe(before);

    await site.changeNote('Plan', { Text: `in the ${life} life` });

    await expect(other.note('Plan').getByText(`in the ${life} life`)).toBeVisible();
    await expect(site.note('Plan').getByText(`in the ${life} life`)).toBeVisible();
    await expect(site.page.getByRole('alert')).toHaveCount(0);
  }
});
