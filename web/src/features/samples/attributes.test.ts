import { expect, test } from "vitest";
import { attributesOf, faultOf, linesOf } from "./attributes";

test("attributes are read line by line, numbers as numbers", () => {
  expect(attributesOf("thickness_um: 350\n note : a:b \nempty\ndoped: true")).toEqual({
    thickness_um: 350,
    note: "a:b",
    empty: "",
    doped: true,
  });
});

test("what only looks like a number stays text", () => {
  expect(attributesOf("code: 007\nserial: 12345678901234567890\nhex: 0x10")).toEqual({
    code: "007",
    serial: "12345678901234567890",
    hex: "0x10",
  });
  // A number would be written otherwise, and not be what was typed.
  expect(attributesOf("wafer: 12E3\nfirmware: 1.10\nnone: -0\nmany: 1e21")).toEqual({
    wafer: "12E3",
    firmware: "1.10",
    none: "-0",
    many: "1e21",
  });
  expect(attributesOf("small: 1e-9\nbelow: -0.5\nmuch: 1e+21")).toEqual({ small: 1e-9, below: -0.5, much: 1e21 });
});

test("what was stored is the same after an edit that did not touch it", () => {
  const stored = {
    code: "007",
    digits: "350",
    firmware: "1.10",
    number: 350,
    third: 0.1 + 0.2,
    small: 1e-9,
    yes: true,
    word: "true",
    nothing: null,
    list: [1, "two", false],
    nested: { a: { b: 1 } },
    quoted: 'say "so"',
    inQuotes: '"so"',
    lines: "one\ntwo",
    spaced: " edge ",
    empty: "",
    "a:b": "c:d",
    '"q': 1,
    " edge": 2,
  };
  expect(attributesOf(linesOf(stored))).toEqual(stored);
  expect(linesOf({ thickness_um: 350, note: "a:b" })).toBe("thickness_um: 350\nnote: a:b");
});

test("a line without a colon and a name that stands there twice are told", () => {
  expect(faultOf("x: 1\nthickness 350")).toEqual({ bare: "thickness 350" });
  expect(faultOf('x: 1\n"x": 2')).toEqual({ twice: "x" });
  expect(faultOf("x: 1\ny:\n\n")).toBeUndefined();
});
