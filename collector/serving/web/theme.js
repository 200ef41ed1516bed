// Before the first paint: the theme of the address, or the one chosen earlier, else that of the system; and the script of
// the charts is on its way while the page is built, where the view that is asked for has any.
{
  const told = /[?&]theme=(dark|light)/.exec(location.hash)?.[1] ?? localStorage.getItem("nakhon.theme");
  if (told === "dark" || told === "light") document.documentElement.dataset.theme = told;
}
if (!/^#\/(map|scenario|health)/.test(location.hash)) {
  const script = document.createElement("script");
  Object.assign(script, { id: "plotly", src: "/plotly.js", fetchPriority: "high", onerror: () => script.remove() });
  document.head.append(script);
}
