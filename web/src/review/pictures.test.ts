import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { BROKEN, Pictures, unpacked } from "./pictures";

const packed = (...pictures: number[][]): ArrayBuffer => {
  const all = pictures.flatMap((picture) => [picture.length, 0, 0, 0, ...picture]);
  return new Uint8Array(all).buffer;
};
let made = 0;
beforeEach(() => {
  made = 0;
  vi.spyOn(URL, "createObjectURL").mockImplementation(() => `blob:${++made}`);
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => undefined);
});
afterEach(() => vi.restoreAllMocks());

it("unpacks pictures by their lengths", async () => {
  const [one, none, other] = unpacked(packed([1, 2, 3], [], [9]));
  expect([...new Uint8Array((await one?.arrayBuffer()) ?? [])]).toEqual([1, 2, 3]);
  expect([none?.size, other?.size, one?.type]).toEqual([0, 1, "image/png"]);
});

it("asks once for what is missing, in the order wanted", async () => {
  const asked: string[] = [];
  const pictures = new Pictures("d", 96, async (address) => {
    asked.push(address);
    return packed(...Array.from({ length: address.split(",").length }, () => [1]));
  });
  const first = pictures.want([7, 3]);
  await Promise.all([first, pictures.want([3, 7, 5])]);
  expect(asked).toEqual(["/v1/datasets/d/pictures?samples=7,3&size=96", "/v1/datasets/d/pictures?samples=5&size=96"]);
  expect(pictures.of(7)).toBe("blob:1");
  expect(pictures.of(5)).toBeDefined();
});

it("tells a picture that cannot be shown from one that is not here yet", async () => {
  const pictures = new Pictures("d", 96, async () => packed([]));
  expect(pictures.of(1)).toBeUndefined();
  await pictures.want([1]);
  expect(pictures.of(1)).toBe(BROKEN);
});

it("asks again after a lost connection, and tells whoever waits", async () => {
  let away = true;
  const told = vi.fn();
  const pictures = new Pictures("d", 96, async () => {
    if (away) throw new Error("away");
    return packed([1]);
  });
  pictures.subscribe(told);
  await pictures.want([1]);
  expect(pictures.of(1)).toBeUndefined();
  away = false;
  await pictures.want([1]);
  expect(pictures.of(1)).toBe("blob:1");
  expect(told).toHaveBeenCalledTimes(2);
});

it("keeps the last ones and lets go of the others", async () => {
  const pictures = new Pictures("d", 96, async (address) =>
    packed(...Array.from({ length: address.split(",").length }, () => [1])),
  );
  for (let k = 0; k < 2100; k += 100) await pictures.want(Array.from({ length: 100 }, (_, n) => k + n));
  expect(pictures.of(0)).toBeUndefined();
  expect(pictures.of(2099)).toBeDefined();
  expect(URL.revokeObjectURL).toHaveBeenCalledTimes(100);
});
