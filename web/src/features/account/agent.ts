// What a session was begun with, in words.
import { m } from "../../gen/words/messages";

/** In their order: each also names those after it, to be served like them. */
const BROWSERS: [RegExp, string][] = [
  [/Edg\//, m.account_agent_edge()],
  [/OPR\//, m.account_agent_opera()],
  [/Firefox\//, m.account_agent_firefox()],
  [/Chrome\//, m.account_agent_chrome()],
  [/Safari\//, m.account_agent_safari()],
];
const SYSTEMS: [RegExp, string][] = [
  [/Windows/, m.account_agent_windows()],
  [/Android/, m.account_agent_android()],
  [/iPhone|iPad/, m.account_agent_ios()],
  [/Mac OS X/, m.account_agent_macos()],
  [/Linux|CrOS/, m.account_agent_linux()],
];

/** A browser and its system; of a script, the first that it says. */
export function agentName(userAgent: string): string {
  const named = (list: [RegExp, string][]) => list.find(([sign]) => sign.test(userAgent))?.[1];
  const browser = userAgent.startsWith("Mozilla/") ? named(BROWSERS) : undefined;
  if (!browser) return userAgent.split(" ")[0] ?? "";
  return [browser, named(SYSTEMS)].filter(Boolean).join(", ");
}
