import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { binary, notesBinary, siteRoot } from './servers';

/** A site of another build would not hydrate, and each test would run into its timeout. */
export function checkBuild(): void {
  const hashes = join(dirname(binary), 'hash.txt');
  const hash = existsSync(hashes) ? /^js: (.+)$/m.exec(readFileSync(hashes, 'utf8'))?.[1] : undefined;
  if (!hash || !existsSync(join(siteRoot, 'pkg', `tokenlife.${hash}.js`))) {
    throw new Error(`${binary} and ${siteRoot} are not of one release build; script/test browser makes them.`);
  }
  if (!existsSync(notesBinary)) {
    throw new Error(`${notesBinary} is not there; script/test browser makes it. TOKENLIFE_NOTES_BINARY names another.`);
  }
}
