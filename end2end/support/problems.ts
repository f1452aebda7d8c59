import type { BrowserContext, ConsoleMessage } from '@playwright/test';

// Chromium warns after three seconds, which a busy machine may need, and always without JavaScript.
const UNUSED = 'was preloaded using link preload but not used';

/** All errors that the browser reports, in all tabs of a context: a test with an unexpected one fails. */
export class Problems {
  readonly #found: { text: string; path: string }[] = [];
  readonly #allowed: { text: string; path: string | RegExp }[] = [];

  constructor(context: BrowserContext, origin: string) {
    context.on('console', (message) => this.#hear(message));
    context.on('weberror', (error) => this.#note(`uncaught: ${error.error().message}`, error.page()?.url()));
    context.on('dialog', (dialog) => {
      this.#note(`dialog: ${dialog.message()}`, dialog.page()?.url());
      void dialog.dismiss();
    });
    context.on('response', (response) => {
      if (response.status() >= 500 && response.url().startsWith(origin)) {
        this.#note(`answered with ${response.status()}`, response.url());
      }
    });
    context.on('requestfailed', (request) => {
      const why = request.failure()?.errorText ?? '';
      // Requests that a page leaves unfinished on navigation are reported as aborted. What the policy blocks stands in
      // the console; without JavaScript, Chromium reports every script as blocked, which is no violation.
      if (!['net::ERR_ABORTED', 'csp'].includes(why) && request.url().startsWith(origin)) {
        this.#note(`failed: ${why}`, request.url());
      }
    });
  }

  /** Expects an error of a path: a status such as `422`, or a part of its text. */
  allow(what: number | string, path: string | RegExp): void {
    this.#allowed.push({ text: String(what), path });
  }

  /** The errors that were not expected. */
  left(): string[] {
    const isAllowed = (problem: { text: string; path: string }) =>
      this.#allowed.some(({ text, path }) => {
        const isThere = typeof path === 'string' ? path === problem.path : path.test(problem.path);
        return isThere && problem.text.includes(text);
      });
    return this.#found.filter((problem) => !isAllowed(problem)).map(({ text, path }) => `${path}: ${text}`);
  }

  #hear(message: ConsoleMessage): void {
    if (['error', 'warning'].includes(message.type()) && !message.text().includes(UNUSED)) {
      this.#note(`console ${message.type()}: ${message.text()}`, message.location().url || message.page()?.url());
    }
  }

  #note(text: string, url: string | undefined): void {
    this.#found.push({ text, path: url && URL.canParse(url) ? new URL(url).pathname : '?' });
  }
}

/** Runs in every page before its own scripts: what the content security policy blocked goes to the console. */
export function reportViolations(): void {
  document.addEventListener('securitypolicyviolation', (event) => {
    console.error(`refused by ${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
  });
}
