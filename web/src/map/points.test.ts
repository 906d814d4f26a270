import { expect, test } from "vitest";
import { type MapOut, read } from "./points";

const bytes = new ArrayBuffer(3 * 13);
const view = new DataView(bytes);
[7, 70_000, 9].forEach((sample, k) => {
  view.setUint32(4 * k, sample, true);
});
[1, 0, 2].forEach((given, k) => {
  view.setUint32(12 + 4 * k, given, true);
});
[10, 20, 65_535].forEach((x, k) => {
  view.setUint16(24 + 2 * k, x, true);
});
[3, 2, 1].forEach((y, k) => {
  view.setUint16(30 + 2 * k, y, true);
});
[2, 0, 4].forEach((verdict, k) => {
  view.setUint8(36 + k, verdict);
});

const map: MapOut = {
  href: "/map.bin",
  points: 3,
  labels: ["a", "b", "c"],
  verdicts: ["clean"],
  columns: [
    { name: "sample", type: "uint32", offset: 0 },
    { name: "given", type: "uint32", offset: 12 },
    { name: "x", type: "uint16", offset: 24 },
    { name: "y", type: "uint16", offset: 30 },
    { name: "verdict", type: "uint8", offset: 36 },
  ],
};

test("columns are read where they are said to be, odd offsets too", () => {
  const points = read(bytes, map);
  expect([...Array.from(points.sample)]).toEqual([7, 70_000, 9]);
  expect([...Array.from(points.given)]).toEqual([1, 0, 2]);
  expect([...Array.from(points.x)]).toEqual([10, 20, 65_535]);
  expect([...Array.from(points.y)]).toEqual([3, 2, 1]);
  expect([...Array.from(points.verdict)]).toEqual([2, 0, 4]);
});

test("a map without a column that is needed is refused", () => {
  expect(() => read(bytes, { ...map, columns: map.columns.slice(1) })).toThrow("sample");
});
