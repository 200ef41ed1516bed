// What is shown is in the address: `#/city?city=chiang-mai&run=haze-1`. Sharing the address shares the view.

export function route() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { view: path || "overview", params: new URLSearchParams(query) };
}

/** The address of a view; the run, the language and the theme of the present address go along. */
export function hrefOf(view, told = {}) {
  const kept = ["run", "lang", "theme"].map((name) => [name, route().params.get(name)]);
  return `#/${view}${written([...kept, ...Object.entries(told)])}`;
}

/** Write the state of the view into the address, without a step back to it. */
export function remember(told) {
  const { view, params } = route();
  for (const [name, value] of Object.entries(told)) {
    if (value === undefined || value === null || value === "" || String(value) === "") params.delete(name);
    else params.set(name, value);
  }
  const hash = `#/${view}${written([...params])}`;
  if (hash !== location.hash) history.replaceState(null, "", hash);
}

/** The values of a parameter that holds several. */
export const several = (params, name) => (params.get(name) ?? "").split(",").filter(Boolean);

function written(pairs) {
  const query = new URLSearchParams(pairs.filter(([, value]) => value !== null && value !== undefined && value !== ""));
  return query.size ? `?${query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":")}` : "";
}
