// Calls the service; an error response is thrown as a `Refusal` with its message and hint.

const KEY = "diptych-key";
let askForKey = null;

/** An error response, or no response. */
export class Refusal extends Error {
  constructor(status, { code, message, hint }) {
    super(message);
    Object.assign(this, { status, code, hint });
  }
}

/** Register the function that prompts for a key; it resolves with a key or null. */
export const onKeyWanted = ask => { askForKey = ask; };

/** Return the key of this tab, or null. */
export const key = () => sessionStorage.getItem(KEY);

/** Keep a key until the tab is closed; null forgets it. */
export const keepKey = value => value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY);

/** Return a URL within a collection. */
export const within = (collection, ...parts) =>
  `/v1/collections/${[collection, ...parts].map(encodeURIComponent).join("/")}`;

/** Return the service's JSON response. */
export async function ask(url, options = {}) {
  const response = await sent(url, options);
  return response.json();
}

/** Post a form; fields with several values are repeated, empty ones omitted. */
export function post(url, fields, options = {}) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") body.append(name, each);
    }
  }
  return ask(url, { ...options, method: "POST", body });
}

/** Return what the service has at a URL, such as a picture. */
export const fetched = async url => (await sent(url)).blob();

/** Show a picture from the service in an `img`, sending the key if there is one. */
export async function showPicture(image, url) {
  if (!key()) {
    image.src = url;
    return;
  }
  const shown = URL.createObjectURL(await fetched(url));
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
    const hint = "Check that it is running, and try again.";
    throw new Refusal(0, { code: "unreachable", message: `the service does not answer. ${hint}`, hint });
  }
}

async function fault(response) {
  try {
    return (await response.json()).error;
  } catch {
    return { code: "unknown", message: `the service answered ${response.status} without a message.`, hint: null };
  }
}
