import { expect, it } from "vitest";
import { chosen, datasetName, nameOf } from "./chosen";
import { fingerprint } from "./fingerprint";

const found = (...paths: string[]) =>
  paths.map((path) => ({ path, file: new File([path], path.split("/").at(-1) ?? path, { lastModified: 5 }) }));
const names = (...paths: string[]) => chosen(found(...paths)).map(({ source }) => source.name);

it("takes one file as it is, whatever it is", () => {
  expect(names("photos.zip")).toEqual(["photos.zip"]);
  expect(names("train.parquet")).toEqual(["train.parquet"]);
});

it("makes one archive of a folder, and of folders that come together", () => {
  expect(names("photos/cat/1.png", "photos/dog/1.png")).toEqual(["photos.tar"]);
  expect(names("photos/only.zip")).toEqual(["photos.tar"]);
  expect(names("cat/1.png", "dog/1.png")).toEqual(["cat, dog.tar"]);
  expect(names("a.png", "b.png", "labels.csv")).toEqual(["a.png, b.png, labels.csv.tar"]);
});

it("keeps archives apart, but not the parts of one dataset", () => {
  expect(names("a.zip", "b.tar.gz")).toEqual(["a.zip", "b.tar.gz"]);
  expect(names("train-0.parquet", "train-1.parquet")).toHaveLength(1);
});

it("names datasets as the service allows", () => {
  expect(datasetName("photos.tar.gz")).toBe("photos");
  expect(datasetName("a\u0007b.zip")).toBe("a b");
  expect(datasetName(".zip")).toBe("untitled");
  expect(datasetName("x".repeat(400))).toHaveLength(255);
  expect(nameOf(["a/1", "b/1", "c/1", "d/1"])).toBe("a, b, c and others");
});

it("knows a file again, and tells it from another of its name and size", async () => {
  const of = async (words: string, name: string, modified: number) => {
    const [one] = chosen([{ path: name, file: new File([words], name, { lastModified: modified }) }]);
    return one ? fingerprint(one.source, one.modified) : "";
  };
  const first = await of("abc", "a.zip", 5);
  expect(await of("abc", "a.zip", 5)).toBe(first);
  for (const other of [of("abd", "a.zip", 5), of("abc", "b.zip", 5), of("abc", "a.zip", 6)])
    expect(await other).not.toBe(first);
});
