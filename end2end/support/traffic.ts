import type { Page, Request } from '@playwright/test';

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
