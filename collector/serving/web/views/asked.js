// What an address asks for and this page does not know: said once, and left out of the address.

import { notice } from "../dom.js";
import { t } from "../i18n.js";
import { remember } from "../route.js";

/** The notices to show (none where all is known); `asked` is of [name in the address, its value, whether it is known]. */
export function leftOut(asked) {
  const strange = asked.filter(([, value, known]) => value && !known);
  if (!strange.length) return [];
  remember(Object.fromEntries(strange.map(([name]) => [name, null])));
  return [notice("said", t("state.left_out", { asked: strange.map(([name, value]) => `${name}=${String(value).slice(0, 60)}`).join(", ") }))];
}
