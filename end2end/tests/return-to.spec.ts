import { paths, test } from '../fixtures';

const ELSEWHERE = [
  'https://evil.example/',
  '//evil.example',
  '/\\evil.example',
  '/\t/evil.example',
  '/.//evil.example',
  '/%2e%2e//evil.example',
  'javascript:alert(1)',
  '/%0d%0aLocation:%20//evil.example',
  paths.api.logout,
];

test('signing in never leads to another place than ours', async ({ site, context, user }) => {
  for (const destination of ELSEWHERE) {
    await test.step(JSON.stringify(destination), async () => {
      await site.goto(`${paths.LOGIN}?return_to=${encodeURIComponent(destination)}`);
      await site.signIn(user);
      await site.isAt(paths.ACCOUNT, 'Account');
      await site.showsSomebody();
      await context.clearCookies();
    });
  }
});

test('a destination that was put into the form itself is checked as well', async ({ site, page, user }) => {
  await site.goto(paths.LOGIN);
  await page.locator('input[name=return_to]').evaluate((input: HTMLInputElement) => {
    input.value = '//evil.example';
  });
  await site.signIn(user);
  await site.isAt(paths.ACCOUNT, 'Account');
});
