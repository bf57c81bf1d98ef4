/** Tiles that did not come, and by what status: for as long as there are some the map's element says so. */

/** The event of a map's element; its detail are the statuses of what is lacking, 0 where nothing was heard. */
export const LOST = "tileslost";
export const TOO_MANY = 429;

/** Whether asking again may help: nothing was heard, or the server says that it cannot answer now. */
export function passing({ status }) {
  return !status || status === 408 || status === TOO_MANY || status >= 500;
}

/** The tiles that a map was not given, each by a key. The map's element tells when they change. */
export class LostTiles {
  constructor(node) {
    this.node = node;
    this.statuses = new Map();
  }

  add(key, status) {
    this.statuses.set(key, status ?? 0);
    this.tell();
  }

  /** It has come after all. */
  found(key) {
    if (this.statuses.delete(key)) this.tell();
  }

  clear() {
    if (!this.statuses.size) return;
    this.statuses.clear();
    this.tell();
  }

  tell() {
    const detail = [...new Set(this.statuses.values())];
    this.node.dispatchEvent(new CustomEvent(LOST, { bubbles: true, detail }));
  }
}
