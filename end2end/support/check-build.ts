import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { binary, siteRoot } from './servers';

/** Runs before the tests: a site of another build would not come alive, and each test would wait for it in vain. */
export default function checkBuild(): void {
  const hashes = join(dirname(binary), 'hash.txt');
  const hash = existsSync(hashes) ? /^js: (.+)$/m.exec(readFileSync(hashes, 'utf8'))?.[1] : undefined;
  if (!hash || !existsSync(join(siteRoot, 'pkg', `tokenlife.${hash}.js`))) {
    throw new Error(`${binary} and ${siteRoot} are not of one release build; script/test browser makes them.`);
  }
}
