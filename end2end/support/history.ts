import { expect, type BrowserContext, type LaunchOptions } from '@playwright/test';
import { chromium } from './chromium';
import type { Site } from './site';

const ELSEWHERE = 'http://elsewhere.test/';

/**
 * A browser with a back/forward cache. Playwright switches it off, because pages restored from it confuse it;
 * here they are the subject. Only what stands in the document can be observed reliably.
 */
export function withPageCache(): LaunchOptions {
  return { ...chromium(), ignoreDefaultArgs: ['--disable-back-forward-cache'] };
}

/** Makes every page record how it was shown. */
export async function watchReturns(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    addEventListener('pageshow', (event) => {
      document.documentElement.dataset.cameBack = String(event.persisted);
      if (event.persisted) {
        sessionStorage.setItem('came back', location.pathname);
      }
    });
  });
}

/** Leaves for another site. A page of our own would announce itself to the others, which evicts them from the cache. */
export async function goElsewhere(site: Site): Promise<void> {
  await site.page.route(ELSEWHERE, (route) => route.fulfill({ contentType: 'text/html', body: '<h1>Elsewhere</h1>' }));
  await site.page.goto(ELSEWHERE);
}

export async function goBack(site: Site): Promise<void> {
  await site.page.goBack({ waitUntil: 'commit' });
}

/** The page is the one that was left. */
export async function cameBack(site: Site): Promise<void> {
  await expect(site.page.locator('html')).toHaveAttribute('data-came-back', 'true');
}

/** The page is a new one. */
export async function wasLoadedAnew(site: Site): Promise<void> {
  await expect(site.page.locator('html')).toHaveAttribute('data-came-back', 'false');
  await site.isAlive();
}

/** The page was restored at some time, even if it was reloaded then. */
export async function hadComeBack(site: Site): Promise<string | null> {
  return site.page.evaluate(() => sessionStorage.getItem('came back'));
}
