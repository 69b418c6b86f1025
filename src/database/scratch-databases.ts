import { randomBytes } from 'node:crypto';
import { NO_TIMEOUTS, withSession } from './connections';

/** New databases beside an existing one, which go when they are no longer needed. */
export class ScratchDatabases {
  private readonly names: string[] = [];

  /**
   * @param beside the URL of a database; the new ones belong to its user
   * @param admin a URL under which databases may be made on that server; default `beside`
   */
  constructor(
    private readonly beside: string,
    private readonly admin: string = beside,
  ) {}

  /**
   * Makes an empty database. SQL as text: it is about PostgreSQL's own words.
   * @returns its URL. @throws where the user lacks CREATEDB
   */
  async create(purpose: string): Promise<string> {
    const name = `truebook_${purpose}_${randomBytes(6).toString('hex')}`;
    const { rows } = await this.ask(this.beside, 'select current_user as owner');
    const owner = (rows[0] as { owner: string }).owner;
    await this.ask(this.admin, `create database "${name}" owner "${owner.replaceAll('"', '""')}"`);
    this.names.push(name);
    const url = new URL(this.beside);
    url.pathname = `/${name}`;
    return url.href;
  }

  /** Drops what was made. */
  async drop(): Promise<void> {
    for (const name of this.names.splice(0)) {
      await this.ask(this.admin, `drop database if exists "${name}" with (force)`);
    }
  }

  /** A large database is not dropped in a moment. */
  private ask(url: string, text: string) {
    return withSession(url, (client) => client.query(text), NO_TIMEOUTS);
  }
}
