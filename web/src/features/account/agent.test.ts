import { expect, test } from "vitest";
import { agentName } from "./agent";

test("browsers and scripts are called by their names", () => {
  const edge =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0";
  expect(agentName(edge)).toBe("Edge, Windows");
  expect(agentName("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")).toBe("Firefox, Linux");
  expect(agentName("Mozilla/5.0 (iPad; CPU OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19 Safari/604.1")).toBe(
    "Safari, iOS",
  );
  expect(agentName("grpc-python/1.76.0 grpc-c/50.0.0 (linux; chttp2)")).toBe("grpc-python/1.76.0");
  expect(agentName("")).toBe("");
});
