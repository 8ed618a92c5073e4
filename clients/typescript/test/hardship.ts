import { setTimeout } from "node:timers/promises";
import type { Lab, Tokens } from "@spectra-lab/client";

/** What test.sh tells. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: start test.sh`);
  return value;
}

/** Asks ../../hardship.py for something. */
export async function hardship(what: string): Promise<string> {
  const answer = await fetch(`${setting("SPECTRA_HARDSHIP")}/${what}`);
  if (!answer.ok) throw new Error(`hardship.py does not know ${what}`);
  return answer.text();
}

/** The session of a lab with an access token that ends within 2 s, which the client does not know; and when it has ended. */
export async function shortened(lab: Lab): Promise<{ tokens: Tokens; ends: Promise<void> }> {
  const accessToken = await hardship(`shorten/${lab.tokens.accessToken}`);
  return { tokens: { ...lab.tokens, accessToken }, ends: setTimeout(3500) };
}
