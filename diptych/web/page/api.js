// Asks the service; what it refuses is thrown as a `Refusal` with its sentence and hint.

const KEY = "diptych-key";
let askForKey = null;

/** An answer that is an error, or no answer. */
export class Refusal extends Error {
  constructor(status, { code, message, hint }) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** Say how a key is asked for: a function that resolves with one, or with null. */
export const onKeyWanted = ask => { askForKey = ask; };

/** Return the key that this tab sends, or null. */
export const key = () => sessionStorage.getItem(KEY);

/** Keep a key until the tab is closed; null forgets it. */
export const keepKey = value => value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY);

/** Return the URL of something of a collection. */
export const within = (collection, ...parts) =>
  `/v1/collections/${[collection, ...parts].map(encodeURIComponent).join("/")}`;

/** Return what the service answers, from JSON. */
export async function ask(url, options = {}) {
  const response = await sent(url, options);
  return response.json();
}

/** Send a form: fields with several values are repeated, empty ones left out. */
export function post(url, fields, options = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") body.append(name, each);
    }
  }
  return ask(url, { ...options, method: "POST", body });
}

/** Show a picture of the service in an `img`, with the key where one is needed. */
export async function showPicture(image, url) {
  if (!key()) {
    image.src = url;
    return;
  }
  const shown = URL.createObjectURL(await (await sent(url)).blob());
  image.addEventListener("load", () => URL.revokeObjectURL(shown), { once: true });
  image.src = shown;
}

async function sent(url, options = {}) {
  const response = await reached(url, options);
  if (response.ok) return response;
  const refusal = new Refusal(response.status, await fault(response));
  if (response.status === 401 && askForKey) {
    const used = key();
    const given = await askForKey(refusal, used);
    if (given) return sent(url, options);
  }
  throw refusal;
}

async function reached(url, options) {
  const headers = { ...options.headers, ...(key() ? { Authorization: `Bearer ${key()}` } : {}) };
  try {
    return await fetch(url, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const hint = "See whether it still runs, and try again.";
    throw new Refusal(0, { code: "unreachable", message: `the service does not answer. ${hint}`, hint });
  }
}

async function fault(response) {
  try {
    return (await response.json()).error;
  } catch {
    return { code: "unknown", message: `the service answered ${response.status} without a reason.`, hint: null };
  }
}
