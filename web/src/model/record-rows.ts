import type { Audit } from "../api/queries";
import { plural } from "../ui/format";

export type Row = [name: string, value: string, kind?: "hash"];

/** Everything that determined a result, for people to read. */
export function recordRows({ record, plan }: Pick<Audit, "record" | "plan">): Row[] {
  if (!record) return [];
  return [
    ["labelaudit", record.labelaudit],
    ["Its code", record.code, "hash"],
    ["Rule of the scores", record.score_version],
    ...Object.entries(record.data).map(([name, hash]): Row => [`Data, ${name.replaceAll("_", " ")}`, hash, "hash"]),
    ["Seed", String(record.seed)],
    ["Device", record.device_kind === record.device ? record.device : `${record.device} (${record.device_kind})`],
    ...(record.cuda ? [["CUDA", record.cuda] satisfies Row] : []),
    [
      "Processor",
      `${record.cpu_capability}, ${plural(record.threads, "thread")}, ${plural(record.processes, "process", "processes")}`,
    ],
    ["System", `${record.system}, Python ${record.python}`],
    ...Object.entries(record.libraries).map(([name, version]): Row => [name, version]),
    ["Attempts", String(record.attempts)],
    ...(plan ? [["Splits", plan.splits.map((split) => split || "without a split").join(", ")] satisfies Row] : []),
  ];
}
