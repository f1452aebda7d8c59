import type { BrowserContext, Cookie, Response } from '@playwright/test';

export type CookieName = 'accessToken' | 'refreshToken' | 'tokenLife';

/** All three, as `Jar.names` returns them. */
export const ALL_THREE: CookieName[] = ['accessToken', 'refreshToken', 'tokenLife'];

/** The browser's cookie jar. */
export class Jar {
  constructor(
    private readonly context: BrowserContext,
    private readonly origin: string,
  ) {}

  async get(name: CookieName): Promise<Cookie | undefined> {
    return (await this.context.cookies(this.origin)).find((cookie) => cookie.name === name);
  }

  async value(name: CookieName): Promise<string | undefined> {
    return (await this.get(name))?.value;
  }

  /** The names of all cookies. */
  async names(): Promise<string[]> {
    return (await this.context.cookies()).map((cookie) => cookie.name).sort();
  }

  async delete(...names: CookieName[]): Promise<void> {
    for (const name of names) {
      await this.context.clearCookies({ name });
    }
  }

  async forgeTokenLife(value: string): Promise<void> {
    await this.context.addCookies([{ name: 'tokenLife', value, url: this.origin, sameSite: 'Lax' }]);
  }
}

/** The cookies that a response sets, by name. */
export async function issuedBy(answer: Response): Promise<Map<string, string>> {
  const headers = await answer.headersArray();
  const lines = headers.filter(({ name }) => name.toLowerCase() === 'set-cookie');
  return new Map(lines.map(({ value }) => /^([^=]+)=([^;]*)/.exec(value)?.slice(1) as [string, string]));
}

/** A `tokenLife` as the server would write it for a token that was just issued. */
export function tokenLifeFromNow(): string {
  const now = Math.floor(Date.now() / 1000);
  return `${now}.${now + 3600}`;
}
