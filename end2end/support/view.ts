import type { Page } from '@playwright/test';

async function become(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

/** Another tab is selected. A headless browser hides no tab, so only the event is dispatched. */
export const goOutOfView = (page: Page) => become(page, true);

/** The tab is selected again. */
export const comeIntoView = (page: Page) => become(page, false);
