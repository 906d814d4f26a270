import { expect, it } from "vitest";
import { chosen, datasetName, leftOut, nameOf, ofDrop } from "./chosen";
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

/** What a browser hands over for a folder: entries that tell themselves by callbacks. */
const fileEntry = (path: string, broken = false) => ({
  isFile: true,
  fullPath: path,
  file: (good: (file: File) => void, bad: (error: unknown) => void) =>
    broken ? bad(new DOMException("", "NotFoundError")) : good(new File(["x"], path)),
});
const folderEntry = (path: string, inside: readonly object[] | null) => {
  let told = false;
  const readEntries = (good: (some: readonly object[]) => void, bad: (error: unknown) => void) => {
    if (inside === null) return bad(new DOMException("", "NotReadableError"));
    good(told ? [] : inside);
    told = true;
  };
  return { isDirectory: true, fullPath: path, createReader: () => ({ readEntries }) };
};

it("takes all of a dropped folder but what cannot be read, and tells that", async () => {
  const inside = [
    fileEntry("/pets/1.png"),
    fileEntry("/pets/gone.png", true),
    folderEntry("/pets/shut", null),
    folderEntry("/pets/cat", [fileEntry("/pets/cat/2.png")]),
  ];
  const items = [{ webkitGetAsEntry: () => folderEntry("/pets", inside) }];
  const looked = await ofDrop({ items } as unknown as DataTransfer);
  expect(looked.found.map(({ path }) => path).sort()).toEqual(["pets/1.png", "pets/cat/2.png"]);
  expect(leftOut(looked)).toBe("2 files or folders could not be read; all else is sent: pets/shut, pets/gone.png");
  expect(leftOut({ found: [], unreadable: ["a"] })).toBe("1 file or folder could not be read: a");
  expect(leftOut({ found: looked.found, unreadable: [] })).toBe(null);
});
