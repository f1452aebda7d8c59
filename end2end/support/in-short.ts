import type { FullConfig, Reporter, Suite, TestError } from '@playwright/test/reporter';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Reports at the very end what failed and why, in a few lines: often only the end of a log is kept. */
export default class InShort implements Reporter {
  #config?: FullConfig;
  #suite?: Suite;
  readonly #outsideOfTests: TestError[] = [];

  onBegin(config: FullConfig, suite: Suite): void {
    this.#config = config;
    this.#suite = suite;
  }

  onError(error: TestError): void {
    this.#outsideOfTests.push(error);
  }

  onEnd(): void {
    for (const error of this.#outsideOfTests) {
      console.log(`FAILED outside of the tests: ${this.#inShort(error)}`);
    }
    for (const test of this.#suite?.allTests() ?? []) {
      if (test.outcome() === 'unexpected') {
        console.log(`FAILED ${test.titlePath().filter(Boolean).join(' › ')}`);
        test.results.flatMap((result) => result.errors).forEach((error) => console.log(`  ${this.#inShort(error)}`));
      }
    }
  }

  #inShort({ message = 'an error without a message', location }: TestError): string {
    const at = location ? `${relative(this.#config?.rootDir ?? '', location.file)}:${location.line} ` : '';
    const words = stripVTControlCharacters(message).split('\n').map((line) => line.trim());
    return at + words.filter(Boolean).join(' | ').slice(0, 400);
  }
}
