// The alerts of a run, as a list; a collector without rules says so.

import { ask } from "./api.js";
import { element, notice } from "./dom.js";
import { clock, epoch, number } from "./format.js";
import { t, unitName } from "./i18n.js";
import { cityName, nameOf } from "./store.js";

/** What stands of a run (of one city), then what was cleared lately: null where the collector watches no rules. */
export async function alertsOf(run, city = null) {
  try {
    const { watching, alerts, recent } = await ask("alerts", { run });
    const cleared = recent.filter((one) => one.state === "cleared" && one.run === run).slice(0, 10);
    return watching ? [...alerts, ...cleared].filter((alert) => !city || alert.city === city) : null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** What is shown of them. */
export function alertList(alerts) {
  if (alerts === null) return notice("empty", t("alerts.none_watched"));
  if (!alerts.length) return notice("good", t("alerts.none"));
  return element("ul", { class: "alerts" }, ...alerts.map(alertOf));
}

function alertOf(alert) {
  const raised = alert.state === "raised";
  const value = Number.isFinite(alert.value) ? `${number(alert.value)} ${alert.unit === "1" ? "" : unitName(alert.unit ?? "")}`.trim() : "";
  const what = [alert.rule, cityName(alert.city ?? ""), alert.station, alert.indicator ? nameOf(alert.indicator) : "", value];
  const when = t(raised ? "alerts.since" : "alerts.at", { time: clock(epoch(raised ? alert.since : alert.time)) });
  const origin = alert.origin ? t(`origin.${alert.origin}`) : "";
  return element("li", { class: raised ? `raised ${alert.severity}` : "" },
    element("strong", { text: raised ? t(`severity.${alert.severity}`) : t("alerts.cleared") }),
    element("span", {}, [...what, when, origin].filter(Boolean).join(" · "), element("small", { lang: "en", text: ` ${alert.message ?? ""}` })));
}
