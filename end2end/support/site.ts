import { expect, type Locator, type Page, type Response } from '@playwright/test';
import { ACCOUNT, LOGIN, SIGN_UP } from './paths';
import type { User } from './users';

/** One tab with the application in it, and the user's actions there. */
export class Site {
  constructor(
    readonly page: Page,
    private readonly javaScript: boolean,
  ) {}

  get nav(): Locator {
    return this.page.getByRole('navigation', { name: 'Main' });
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** Opens a page from the address bar. */
  async goto(path: string): Promise<Response> {
    const answer = await this.page.goto(path);
    await this.isAlive();
    if (!answer) {
      throw new Error(`${path} is where the page was already`);
    }
    return answer;
  }

  /** Reloads the page. */
  async reload(): Promise<Response> {
    const answer = await this.page.reload();
    await this.isAlive();
    if (!answer) {
      throw new Error('there is no page to load anew');
    }
    return answer;
  }

  /** Waits for a page to be loaded, and to react to input. */
  async isAt(path: string, heading: string): Promise<void> {
    await expect(this.page).toHaveURL(path);
    await expect(this.page.getByRole('heading', { level: 1, name: heading, exact: true })).toBeVisible();
    await this.isAlive();
  }

  async isAlive(): Promise<void> {
    if (this.javaScript) {
      await expect(this.page.locator('html')).toHaveAttribute('data-hydrated');
    }
  }

  async fill(fields: Record<string, string>): Promise<void> {
    for (const [label, text] of Object.entries(fields)) {
      await this.field(label).fill(text);
    }
  }

  /** Presses a button that sends a form; returns the response's status. */
  async send(button: string, path: string): Promise<number> {
    const answered = this.page.waitForResponse(
      (answer) => new URL(answer.url()).pathname === path && answer.request().method() === 'POST',
    );
    await this.button(button).click();
    return (await answered).status();
  }

  /** Signs in on the open page. */
  async signIn(user: Pick<User, 'email' | 'password'>): Promise<void> {
    await this.fill({ 'E-mail address': user.email, Password: user.password });
    await this.button('Sign in').click();
  }

  /** Creates an account on the open page. */
  async signUp(user: User): Promise<void> {
    await this.fill({ 'E-mail address': user.email, 'Display name': user.displayName, Password: user.password });
    await this.button('Create account').click();
  }

  async signOut(): Promise<void> {
    await this.button('Sign out').click();
    await this.showsNobody();
  }

  /** A note, or the form for a new one, by its name. */
  note(title: string): Locator {
    return this.page.getByRole('region', { name: title, exact: true });
  }

  async fillNote(title: string, text: string): Promise<void> {
    const form = this.note('New note');
    await form.getByLabel('Title').fill(title);
    await form.getByLabel('Text').fill(text);
  }

  /** Writes a note, and waits for it to be stored. */
  async writeNote(title: string, text: string): Promise<void> {
    await this.fillNote(title, text);
    await this.button('Add').click();
    await expect(this.note(title).getByRole('link', { name: 'Edit' })).toBeVisible();
    await expect(this.note('New note').getByLabel('Title')).toHaveValue('');
    await this.isAlive();
  }

  /** Changes some fields of a note. */
  async changeNote(title: string, fields: Record<string, string>): Promise<void> {
    const card = this.note(title);
    await card.getByRole('link', { name: 'Edit' }).click();
    await expect(card.getByRole('button', { name: 'Save' })).toBeVisible();
    await this.isAlive();
    for (const [label, text] of Object.entries(fields)) {
      await card.getByLabel(label).fill(text);
    }
    await card.getByRole('button', { name: 'Save' }).click();
  }

  /** Saves another display name on the account page. */
  async rename(name: string): Promise<void> {
    await this.fill({ 'Display name': name });
    await this.button('Save').click();
  }

  async isSaved(): Promise<void> {
    await expect(this.page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();
  }

  /** The page is for a signed-in user. */
  async showsSomebody(): Promise<void> {
    await expect(this.button('Sign out')).toBeVisible();
    await expect(this.nav.getByRole('link', { name: 'Account', exact: true })).toHaveAttribute('href', ACCOUNT);
    await this.isAlive();
  }

  /** The page is for an anonymous visitor. */
  async showsNobody(): Promise<void> {
    await expect(this.nav.getByRole('link', { name: 'Sign in' })).toHaveAttribute('href', new RegExp(`^${LOGIN}`));
    await expect(this.nav.getByRole('link', { name: 'Create account' })).toHaveAttribute(
      'href',
      new RegExp(`^${SIGN_UP}`),
    );
    await expect(this.button('Sign out')).toHaveCount(0);
    await this.isAlive();
  }
}
