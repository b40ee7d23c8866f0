// The search that the address bar keeps, so that it can be shared and the way back works. A picture stays out of it.

export const NOTHING = { tab: "search", collection: "", text: "", like: "", not: [], where: "", against: "", balance: 0.5 };

/** Return the search that the address spells. */
export function read() {
  const given = new URLSearchParams(location.search);
  const text = name => given.get(name) ?? NOTHING[name];
  const balance = Number(given.get("balance") ?? NOTHING.balance);
  return {
    tab: text("tab"), collection: text("collection"), text: text("text"), like: text("like"),
    not: given.getAll("not"), where: text("where"), against: text("against"),
    balance: balance >= 0 && balance <= 1 ? balance : NOTHING.balance,
  };
}

/** Write a search into the address; the way back leads to the one before. */
export function write(search) {
  const spelled = new URLSearchParams();
  for (const [name, usual] of Object.entries(NOTHING)) {
    if (Array.isArray(usual)) search[name].forEach(each => spelled.append(name, each));
    else if (search[name] !== usual) spelled.set(name, search[name]);
  }
  const address = `?${spelled}`;
  if (address !== location.search && !(address === "?" && !location.search)) history.pushState(null, "", address);
}
