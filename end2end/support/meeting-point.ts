import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gate } from './gate';

/** A proxy between the browser and the server, where requests for a page wait for each other. */
export class MeetingPoint {
  readonly #server: Server = createServer((incoming, answer) => void this.#passOn(incoming, answer));
  readonly #all = gate();
  #path = '';
  #missing = 0;

  static async open(): Promise<MeetingPoint> {
    const point = new MeetingPoint();
    point.#server.listen(0, '127.0.0.1');
    await once(point.#server, 'listening');
    return point;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** From now on no request for the page is passed on until `count` of them have arrived. */
  gather(path: string, count: number): void {
    this.#path = path;
    this.#missing = count;
  }

  async #passOn(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '');
    if (url.pathname === this.#path) {
      this.#missing -= 1;
      if (this.#missing <= 0) {
        this.#all.open();
      }
      await this.#all.opened;
    }
    const { method, rawHeaders } = incoming;
    const passedOn = request(url, { method, headers: rawHeaders }, (received) => {
      answer.writeHead(received.statusCode ?? 502, received.rawHeaders);
      received.pipe(answer);
    });
    passedOn.on('error', () => answer.destroy());
    incoming.pipe(passedOn);
  }
}
