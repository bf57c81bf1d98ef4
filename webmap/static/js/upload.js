/** The page where files are uploaded: sends one, follows its check, and imports it when its sender says so. */

import { ApiError, get, send } from "./api.js";
import { byId, el, show } from "./dom.js";
import { tell } from "./live.js";
import { chooseSheet, listSheet } from "./upload_choose.js";
import { failureSheet, resultSheet, workSheet } from "./upload_state.js";
import { checkSheets } from "./upload_check.js";
import { t } from "./words.js";

const POLL_MS = 700;
const root = byId("upload");
const parts = { choose: el("div"), one: el("div"), list: el("div") };
show(root, parts.choose, parts.one, parts.list);

/** The upload that is looked at, as the server tells of it. */
let current = null;
let timer = null;

function address(id) {
  history.replaceState(null, "", id ? `#${id}` : location.pathname + location.search);
}

const actions = {
  /** An upload has arrived: check it as was chosen. */
  async sent(upload, options) {
    address(upload.id);
    await actions.check(upload.id, options);
    listUploads();
  },
  async check(id, options) {
    // What was checked before is not what will be imported.
    const buttons = parts.one.querySelectorAll(".confirm .button");
    for (const button of buttons) button.disabled = true;
    await change(() => send("POST", `/api/uploads/${id}/check`, options));
    for (const button of buttons) button.disabled = false;
  },
  confirm: (id, number) => change(() => send("POST", `/api/uploads/${id}/import`, { number })),
  async erase(id, name) {
    await change(async () => {
      await send("POST", `/api/uploads/${id}/erase`, {});
      return current?.id === id ? null : current;
    });
    tell(t("up_erased", { name }));
    listUploads();
  },
  open: (id) => change(() => get(`/api/uploads/${id}`)),
  close: () => {
    draw(null);
    listUploads();
  },
  say: tell,
};

/** Do something that the server answers with the upload as it is then. */
async function change(ask) {
  clearTimeout(timer);
  try {
    draw(await ask());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const failed = failureSheet(error.sentence, actions);
    if (current) parts.one.prepend(failed);
    else show(parts.one, failed);
    failed.focus();
  }
}

/** Look again while somebody is at work. */
async function follow(id) {
  try {
    const upload = await get(`/api/uploads/${id}`);
    if (current?.id === id) draw(upload);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // The service may be starting again; what is gone is said.
    if (error.status === 404) draw(null);
    else timer = setTimeout(() => follow(id), 3 * POLL_MS);
  }
}

function draw(upload) {
  const before = current;
  current = upload;
  clearTimeout(timer);
  address(upload?.id);
  parts.choose.hidden = parts.list.hidden = Boolean(upload);
  if (!upload) {
    show(parts.one);
    return;
  }
  if (upload.status === "working") {
    timer = setTimeout(() => follow(upload.id), POLL_MS);
    if (before?.id === upload.id && before.status === "working") {
      workSheet.update(upload);
      return;
    }
  }
  show(parts.one, ...sheets(upload));
  if (before) parts.one.querySelector("[data-focus]")?.focus();
}

function sheets(upload) {
  if (upload.status === "working") return [workSheet.make(upload)];
  if (upload.status === "done") return [resultSheet(upload, actions)];
  return checkSheets(upload, actions);
}

async function listUploads() {
  const { uploads } = await get("/api/uploads");
  show(parts.list, listSheet(uploads, actions));
}

show(parts.choose, chooseSheet(actions));
listUploads();
if (/^#[0-9a-f]{32}$/.test(location.hash)) actions.open(location.hash.slice(1));
