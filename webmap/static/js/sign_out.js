/** Whoever signs out leaves no scenario in hand behind, on whichever page they do it. */

/** What keys of kept scenarios begin with; the account's id follows. */
export const DRAFTS = "wangge-drafts-";

/** Take out of this tab the scenarios whose key is such. @param {(key: string) => boolean} which */
export function forget(which) {
  try {
    const kept = Object.keys(sessionStorage).filter((key) => key.startsWith(DRAFTS));
    for (const key of kept.filter(which)) sessionStorage.removeItem(key);
  } catch {
    // Without storage there are none.
  }
}

document.querySelector('form[action^="/sign-out"]')?.addEventListener("submit", () => forget(() => true));
