import { expect, it } from "vitest";
import { Turns } from "./turns";

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

it("gives turns in order, and none to who left", async () => {
  const turns = new Turns(2);
  const calm = new AbortController().signal;
  const left = new AbortController();
  const begun: string[] = [];
  const take = async (name: string, signal = calm) => {
    const end = await turns.take(signal);
    begun.push(name);
    return end;
  };
  const [a, b] = [await take("a"), await take("b")];
  const gone = take("gone", left.signal);
  const c = take("c");
  const d = take("d");
  await settled();
  expect([begun, turns.allTaken]).toEqual([["a", "b"], true]);
  left.abort(new Error("left"));
  await expect(gone).rejects.toThrow("left");
  a();
  await settled();
  expect(begun).toEqual(["a", "b", "c"]);
  b();
  (await c)();
  (await d)();
  expect(begun).toEqual(["a", "b", "c", "d"]);
  expect(turns.allTaken).toBe(false);
});
