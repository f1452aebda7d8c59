import type { Page, Request, Route } from '@playwright/test';

/** The calls of server functions that a page sends. */
export class Traffic {
  #requests: Request[] = [];

  constructor(page: Page) {
    page.on('request', (request) => {
      if (new URL(request.url()).pathname.startsWith('/api/')) {
        this.#requests.push(request);
      }
    });
  }

  /** `200 /api/session/refresh` and so on, in the order in which they were sent. */
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

/** Calls that wait until they are released. */
export interface Held {
  /** The first one has arrived. */
  arrived: Promise<void>;
  letGo: () => void;
}

/** Holds the calls of a server function that a page sends; `goOn` decides what happens to them. */
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
    // A call that was aborted meanwhile cannot go on.
    await goOn(route).catch(() => {});
  });
  return { arrived, letGo };
}
