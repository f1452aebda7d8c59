import type { Page } from '@playwright/test';

async function become(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden);
}

/** Another tab is chosen. A browser without a window hides none by itself, so the page is only told. */
export const goOutOfView = (page: Page) => become(page, true);

/** The tab is chosen again. */
export const comeIntoView = (page: Page) => become(page, false);
