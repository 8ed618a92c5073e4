import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { literalsOf } from "../scripts/literals";
import settings from "../words.inlang/settings.json";

const files = readdirSync("src", { recursive: true, encoding: "utf8" }).map((name) => join("src", name));
const sources = files.filter((name) => /\.tsx?$/.test(name) && !/^src\/gen\/|\.test\.tsx?$/.test(name));
const catalogs = files.filter((name) => name.endsWith("words.en.json"));
const told = (path: string, content: string) =>
  literalsOf(path, content).map(({ line, text }) => `${path}:${line} ${text.trim()}`);

test("what people read is in catalogs", () => {
  expect(sources.flatMap((path) => told(path, readFileSync(path, "utf8")))).toEqual([]);
});

test("a sentence that is not in a catalog is found, wherever it stands", () => {
  const page = `
    const STEPS = [{ verb: "Start", means: "It begins." }];
    function words(days: number) { return days ? \`\${days} days left\` : m.some_words(); }
    export const A = () => <Page title="Wafers" lead={late ? "too late" : m.in_time()}>Nothing {here} yet</Page>;`;
  expect(told("a.tsx", page).map((line) => line.replace(/^a.tsx:/, ""))).toEqual([
    "2 Start",
    "2 It begins.",
    "3 … days left",
    "4 Wafers",
    "4 too late",
    "4 Nothing",
    "4 yet",
  ]);
});

test("what no person reads may stand where it is", () => {
  const code = `
    const list = { order: "updated_at desc", filter: \`state = RUNNING AND \${more}\`, queryKey: ["runs", "of"] };
    export const A = () => <Group justify="space-between" className={open ? "open" : "shut"}>{state === "in" && <B />}</Group>;`;
  expect(told("a.tsx", code)).toEqual([]);
});

test("each catalog is compiled, names its words after its room, and has none that nobody says", () => {
  const listed = settings["plugin.inlang.messageFormat"].pathPattern.map((path) => path.replace("{locale}", "en"));
  expect(catalogs.map((path) => `./${path}`).sort()).toEqual([...listed].sort());
  const code = sources.map((path) => readFileSync(path, "utf8")).join("\n");
  const said = new Set([...code.matchAll(/\bm\.(\w+)/g)].map(([, name]) => name));
  for (const path of catalogs) {
    const room = relative("src", dirname(path)).replace("features/", "");
    const names = Object.keys(JSON.parse(readFileSync(path, "utf8"))).filter((name) => name !== "$schema");
    expect(
      names.filter((name) => !name.startsWith(`${room}_`) || !said.has(name)),
      path,
    ).toEqual([]);
  }
});
