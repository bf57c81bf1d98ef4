/** What the tablet keeps: edits not yet sent and what was said of them, and the package. All in IndexedDB. */

const NAME = "wangge-field";
const VERSION = 1;
let opening = null;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, VERSION);
    asked.onupgradeneeded = () => {
      const db = asked.result;
      db.createObjectStore("kept");
      db.createObjectStore("outbox", { keyPath: "seq", autoIncrement: true }).createIndex("key", "key", {
        unique: true,
      });
    };
    asked.onsuccess = () => {
      // Another page with a newer schema must not wait for this one.
      asked.result.onversionchange = () => asked.result.close();
      resolve(asked.result);
    };
    asked.onerror = () => reject(asked.error);
  });
  return opening;
}

/**
 * Do something in one transaction, and return what it returned when all of it is on the disk.
 * @template T
 * @param {"kept"|"outbox"} name
 * @param {(store: IDBObjectStore) => IDBRequest<T>|void} work
 * @returns {Promise<T>}
 */
async function write(name, work) {
  const db = await open();
  return new Promise((resolve, reject) => {
    // A tablet's battery may die right after the screen has said that something is kept.
    const transaction = db.transaction(name, "readwrite", { durability: "strict" });
    const asked = work(transaction.objectStore(name));
    transaction.oncomplete = () => resolve(asked?.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

async function read(name, work) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const asked = work(db.transaction(name).objectStore(name));
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

/** What is kept under a name, undefined where nothing is. */
export function kept(name) {
  return read("kept", (store) => store.get(name));
}

/** Keep something under a name. */
export function keep(name, value) {
  return write("kept", (store) => store.put(value, name));
}

/** Forget what is kept under a name. */
export function forget(name) {
  return write("kept", (store) => store.delete(name));
}

/** All edits, in the order in which they were made. */
export function edits() {
  return read("outbox", (store) => store.getAll());
}

/**
 * Add an edit, and take out the one that it replaces, unless that one may have reached the server.
 * @param {object} edit
 * @param {number} [replaced] place of the earlier one
 */
export function addEdit(edit, replaced = undefined) {
  return write("outbox", (store) => {
    store.add(edit);
    if (replaced === undefined) return;
    const asked = store.get(replaced);
    asked.onsuccess = () => {
      const { state, tries } = asked.result ?? {};
      // What was refused or in conflict was not written.
      const never = state === "refused" || state === "conflict" || (state === "waiting" && tries === 0);
      if (never) store.delete(replaced);
    };
  });
}

/**
 * Change an edit as it is on the disk now: another page may have sent it meanwhile, or a person taken it back.
 * @param {number} seq
 * @param {(edit: object) => object|undefined} make what it becomes; undefined leaves it
 * @returns {Promise<object|undefined>} what it became
 */
export async function changeEdit(seq, make) {
  let made;
  await write("outbox", (store) => {
    const asked = store.get(seq);
    asked.onsuccess = () => {
      made = asked.result && make(asked.result);
      if (made) store.put(made);
    };
  });
  return made;
}

/** Take edits out. @param {number[]} numbers */
export function dropEdits(numbers) {
  return write("outbox", (store) => {
    for (const number of numbers) store.delete(number);
  });
}
