import { expect, test } from "vitest";
import { recordRows } from "./record-rows";

const record = {
  labelaudit: "0.1.0",
  code: "2285",
  score_version: "channel-6",
  data: { sha256: "0192", content_hash: "fd8e" },
  seed: 7,
  device: "NVIDIA H100",
  device_kind: "cuda",
  threads: 1,
  processes: 2,
  cpu_capability: "AVX512",
  cuda: "13.2",
  attempts: 1,
  system: "Linux x86_64",
  python: "3.11.7",
  libraries: { torch: "2.15.0" },
};

test("everything of the record is told once, hashes as hashes", () => {
  const rows = recordRows({ record, plan: null });
  const told = new Map(rows.map(([name, value]) => [name, value]));
  expect(told.size).toBe(rows.length);
  expect(told.get("torch")).toBe("2.15.0");
  expect(told.get("CUDA")).toBe("13.2");
  expect(told.get("Device")).toBe("NVIDIA H100 (cuda)");
  expect(rows.filter(([, , kind]) => kind === "hash").map(([, value]) => value)).toEqual(["2285", "0192", "fd8e"]);
});

test("an audit without a record has no rows", () => expect(recordRows({ record: null, plan: null })).toEqual([]));
