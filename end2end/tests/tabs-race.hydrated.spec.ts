import { expect, issuedBy, paths, test as base } from '../fixtures';
import { MeetingPoint } from '../support/meeting-point';

// Chromium opens no more connections to one server.
const TABS = 6;

const test = base.extend<{ meetingPoint: MeetingPoint }>({
  meetingPoint: async ({}, use) => {
    const meetingPoint = await MeetingPoint.open();
    await use(meetingPoint);
    await meetingPoint.close();
  },

  context: async ({ browser, meetingPoint }, use) => {
    // Chromium connects to localhost without the proxy by default.
    const context = await browser.newContext({ proxy: { server: meetingPoint.url, bypass: '<-loopback>' } });
    await use(context);
    await context.close();
  },
});

test('tabs opened at once with an ended token rotate it once', async ({ openTab, meetingPoint, signedIn, jar }) => {
  await jar.delete('accessToken', 'tokenLife');
  const before = await jar.value('refreshToken');
  const tabs = await Promise.all(Array.from({ length: TABS }, openTab));
  // All of them are sent, with the same cookies, before the first response.
  meetingPoint.gather(paths.ACCOUNT, TABS);

  // Chromium sends one request for an address at a time.
  const answers = await Promise.all(tabs.map((tab, index) => tab.goto(`${paths.ACCOUNT}?tab=${index}`)));

  for (const tab of tabs) {
    await tab.showsSomebody();
    await expect(tab.page.getByText(signedIn.email)).toBeVisible();
  }
  const issued = await Promise.all(answers.map(async (answer) => (await issuedBy(answer)).get('refreshToken')));
  expect(issued).toEqual(Array<unknown>(TABS).fill(expect.any(String)));
  expect(new Set(issued).size, 'one rotation, the same successor for all').toBe(1);
  expect(issued[0]).not.toBe(before);
  expect(await jar.value('refreshToken')).toBe(issued[0]);
});
