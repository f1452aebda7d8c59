import { expect, type APIRequest, type APIRequestContext, type Cookie } from '@playwright/test';
import { randomBytes } from 'node:crypto';
import { api } from './paths';

export interface User {
  email: string;
  displayName: string;
  password: string;
}

/** A user without an account. */
export function newUser(): User {
  const id = randomBytes(6).toString('hex');
  return { email: `robin.${id}@example.com`, displayName: `Robin ${id}`, password: `vermilion otter juggles ${id}` };
}

/** Redeems the refresh token outside of the browser; returns the cookies of the response that has "not arrived". */
export async function refreshElsewhere(request: APIRequest, baseURL: string, cookies: Cookie[]): Promise<Cookie[]> {
  const client = await request.newContext({ baseURL, storageState: { cookies, origins: [] } });
  const answer = await client.post(api.refresh, { headers: { Origin: baseURL }, form: {} });
  expect(answer.status(), await answer.text()).toBe(200);
  const renewed = (await client.storageState()).cookies;
  await client.dispose();
  return renewed;
}

/** Creates an account without a browser; returns the cookies of its session. */
export async function signUp(request: APIRequest, baseURL: string, user: User): Promise<Cookie[]> {
  const client = await request.newContext({ baseURL });
  const form = { email: user.email, display_name: user.displayName, password: user.password };
  const answer = await client.post(api.signUp, { form });
  expect(answer.status(), await answer.text()).toBe(200);
  const { cookies } = await client.storageState();
  await client.dispose();
  return cookies;
}

/** Signs in on another device, with this user agent. */
export async function signIn(
  request: APIRequest,
  baseURL: string,
  user: User,
  userAgent: string,
): Promise<APIRequestContext> {
  const client = await request.newContext({ baseURL, userAgent, extraHTTPHeaders: { origin: baseURL } });
  const answer = await client.post(api.login, { form: { email: user.email, password: user.password } });
  expect(answer.status(), await answer.text()).toBe(200);
  return client;
}
