import { expect, test } from "vitest";
import { pixelOf } from "./inks";

test("a pixel has red first and is opaque", () => {
  const bytes = new Uint8Array(Uint32Array.of(pixelOf("rgb(10, 20, 30)")).buffer);
  expect([...bytes]).toEqual([10, 20, 30, 255]);
});
