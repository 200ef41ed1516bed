// Whether the collector hears its broker: the page may be connected to it while nothing new can arrive.

const OFTEN = 3000;
let reason = null;

/** Why nothing is collected, null where nothing is in the way. */
export const obstacle = () => reason;

/** Ask the collector from now on; what it says stands in `obstacle()`. */
export function watchCollecting() {
  const ask = async () => {
    try {
      const { ready, missing } = await (await fetch("/ready")).json();
      reason = ready ? null : missing ?? "";
    } catch {
      reason = null; // the collector itself does not answer, which the live stream tells
    }
  };
  ask();
  setInterval(ask, OFTEN);
}
