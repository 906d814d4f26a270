import { expect, it } from "vitest";
import { Tabs } from "./tabs";

it("hears what the other tabs have, and only those", async () => {
  const one = new Tabs(() => ["a"]);
  const other = new Tabs(() => ["b", "c"]);
  expect([...(await one.others())].sort()).toEqual(["b", "c"]);
  expect([...(await other.others())]).toEqual(["a"]);
});
