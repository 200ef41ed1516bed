// Before the first paint: the theme of the address, or the one chosen earlier; else that of the system.
{
  const told = /[?&]theme=(dark|light)/.exec(location.hash)?.[1] ?? localStorage.getItem("nakhon.theme");
  if (told === "dark" || told === "light") document.documentElement.dataset.theme = told;
}
