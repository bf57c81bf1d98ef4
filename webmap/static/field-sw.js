/* The tablet's service worker: keeps the shell by its version, and answers tiles from the package.
   What SHELL holds (version, files, pages) stands before this text. What the API answers is never kept here:
   edits and facts are the page's, in IndexedDB. */

const OURS = "wangge-field-";
const SHELL_CACHE = `${OURS}shell-${SHELL.version}`;
const TILES = `${OURS}tiles-`;

self.addEventListener("install", (event) => {
  event.waitUntil(keepShell());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOldShells());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  if (request.mode === "navigate" && url.pathname === "/field") event.respondWith(page(request, url));
  else if (url.pathname.startsWith("/tiles/")) event.respondWith(tile(request));
  else if (url.searchParams.has("v")) event.respondWith(file(request));
});

async function keepShell() {
  const cache = await caches.open(SHELL_CACHE);
  await cache.addAll(SHELL.files);
  await cache.addAll(SHELL.pages.map((address) => new Request(address, { cache: "reload" })));
  await self.skipWaiting();
}

async function dropOldShells() {
  for (const name of await caches.keys())
    if (name.startsWith(`${OURS}shell-`) && name !== SHELL_CACHE) await caches.delete(name);
  await self.clients.claim();
}

/** The kept page at once, whatever the network does; it is the same for everybody. */
async function page(request, url) {
  const address = url.searchParams.get("lang") === "en" ? "/field?lang=en" : "/field";
  const kept = await caches.match(address, { ignoreVary: true, cacheName: SHELL_CACHE });
  return kept ?? fetch(request);
}

async function file(request) {
  const kept = await caches.match(request, { ignoreVary: true, cacheName: SHELL_CACHE });
  return kept ?? fetch(request);
}

/** The package's tile; else the network's; what neither has is empty as long as there is a package. */
async function tile(request) {
  const packages = (await caches.keys()).filter((name) => name.startsWith(TILES));
  for (const cacheName of packages) {
    const kept = await caches.match(request.url, { ignoreVary: true, cacheName });
    if (kept) return kept;
  }
  if (!packages.length) return fetch(request);
  try {
    const answer = await fetch(request);
    return answer.ok ? answer : empty();
  } catch {
    return empty();
  }
}

function empty() {
  return new Response(null, { status: 204 });
}
