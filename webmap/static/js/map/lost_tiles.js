/** Tiles that did not come, and by what status: for as long as there are some the map's element says so. */

/** The event of a map's element; its detail are the statuses of what is lacking, 0 where nothing was heard. */
export const LOST = "tileslost";
export const TOO_MANY = 429;

/** Whether asking again may help: nothing was heard, or the server says that it cannot answer now. */
export function passing({ status }) {
  return !status || status === 408 || status === TOO_MANY || status >= 500;
}

/** After so long what is lacking is asked for once more, later each time: what is told goes by itself. */
const PAUSES_MS = [10_000, 20_000, 40_000, 60_000];

/** The tiles that a map was not given, each by a key. The map's element tells when they change. */
export class LostTiles {
  /** @param {HTMLElement} node the map's @param {() => void} ask ask for what is lacking */
  constructor(node, ask) {
    this.node = node;
    this.ask = ask;
    this.statuses = new Map();
    /** What has been asked for once more: what is out of sight does not come, and nobody lacks it. */
    this.doubted = new Set();
    this.pause = 0;
    this.timer = 0;
  }

  add(key, status) {
    this.doubted.delete(key);
    this.statuses.set(key, status ?? 0);
    if (passing({ status })) this.timer ||= setTimeout(() => this.askOnceMore(), PAUSES_MS[this.pause]);
    this.tell();
  }

  askOnceMore() {
    this.timer = 0;
    this.pause = Math.min(this.pause + 1, PAUSES_MS.length - 1);
    this.doubted = new Set([...this.statuses].filter(([, status]) => passing({ status })).map(([key]) => key));
    if (this.doubted.size) this.ask();
  }

  /** It has come after all. */
  found(key) {
    this.doubted.delete(key);
    if (this.statuses.delete(key)) this.tell();
  }

  /** All that was asked for has come, or is lacking again. */
  settled() {
    if (!this.doubted.size) return;
    for (const key of this.doubted) this.statuses.delete(key);
    this.doubted.clear();
    this.tell();
  }

  clear() {
    this.doubted.clear();
    if (!this.statuses.size) return;
    this.statuses.clear();
    this.tell();
  }

  tell() {
    if (!this.statuses.size) {
      clearTimeout(this.timer);
      this.timer = this.pause = 0;
    }
    const detail = [...new Set(this.statuses.values())];
    this.node.dispatchEvent(new CustomEvent(LOST, { bubbles: true, detail }));
  }
}
