import { expect, test } from "vitest";
import { legs } from "./legs";

const LINEAR = { across: false, up: false };

test("a sweep forth and back is two legs, each over a rising axis", () => {
  const [forth, back, ...more] = legs({ x: [0, 1, 2, 1, 0], y: [0, 10, 20, 11, 1] }, LINEAR);
  expect(more).toEqual([]);
  expect(forth).toEqual([Float64Array.of(0, 1, 2), [0, 10, 20]]);
  expect(back).toEqual([Float64Array.of(0, 1, 2), [1, 11, 20]]);
});

test("what stands still or only falls is one leg", () => {
  expect(legs({ x: [1, 1, 2], y: [1, 2, 3] }, LINEAR)).toHaveLength(1);
  expect(legs({ x: [3, 2, 1], y: [1, 2, 3] }, LINEAR)).toEqual([[Float64Array.of(1, 2, 3), [3, 2, 1]]]);
  expect(legs({ x: [], y: [] }, LINEAR)).toEqual([]);
});

test("what turns at each point is no sweep", () => {
  const x = Array.from({ length: 40 }, (_, index) => (index % 2 ? index : -index));
  expect(legs({ x, y: x }, LINEAR)).toHaveLength(1);
});

test("logarithmic axes show absolute values, and leave out what is zero", () => {
  expect(legs({ x: [0, 1, 10], y: [5, 0, -3] }, { across: true, up: true })).toEqual([
    [Float64Array.of(1, 10), [null, 3]],
  ]);
});
