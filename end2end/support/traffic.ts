import type { Page, Request, Route } from '@playwright/test';

/** The calls of server functions that leave a page. */
export class Traffic {
  #requests: Request[] = [];

  constructor(page: Page) {
    page.on('request', (request) => {
      if (new URL(request.url()).pathname.startsWith('/api/')) {
        this.#requests.push(request);
      }
    });
  }

  /** `200 /api/session/refresh` and so on, in the order in which they left. */
  async calls(): Promise<string[]> {
    return Promise.all(
      this.#requests.map(async (request) => {
        const answer = await request.response();
        return `${answer?.status() ?? 'no answer'} ${new URL(request.url()).pathname}`;
      }),
    );
  }

  forget(): void {
    this.#requests = [];
  }
}

/** Calls that wait until they are let go. */
export interface Held {
  /** The first one is there. */
  arrived: Promise<void>;
  letGo: () => void;
}

/** Holds up the calls of a server function that leave a page; what then becomes of them, `goOn` says. */
export async function hold(
  page: Page,
  path: string,
  goOn: (route: Route) => Promise<void> = (route) => route.continue(),
): Promise<Held> {
  let [arrive, letGo] = [() => {}, () => {}];
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const isFree = new Promise<void>((resolve) => (letGo = resolve));
  await page.route(`**${path}`, async (route) => {
    arrive();
    await isFree;
    // A call that was given up meanwhile cannot go on.
    await goOn(route).catch(() => {});
  });
  return { arrived, letGo };
}
