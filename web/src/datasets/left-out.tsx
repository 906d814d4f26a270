import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Dataset, READING } from "../api/queries";
import { count, plural } from "../ui/format";
import { Button, Card, Failed, Head, Loading } from "../ui/parts";
import { csv, download } from "./csv";
import { type LeftOut, leftOut, leftOutQuery, type Outcome } from "./queries";

const AT_ONCE = 1000;
const SHOWN = 100;

/** The files that became no image of the dataset, with their reasons. While it is read they come in. */
export function LeftOutFiles({ dataset }: { dataset: Dataset }) {
  const live = READING.has(dataset.status);
  const [outcome, setOutcome] = useState<Outcome>("rejected");
  const [filter, setFilter] = useState("");
  const [shown, setShown] = useState(SHOWN);
  const files = useInfiniteQuery(leftOutQuery(dataset.id, outcome, live));
  const rejected = dataset.counts?.rejected ?? null;
  const ignored = dataset.counts?.ignored ?? 0;
  const all = files.data?.pages.flatMap(({ data }) => data) ?? [];
  const rows = all.filter((file) => fits(file, filter));
  const unknown = files.isPending || files.isPlaceholderData;
  if (rejected === null && all.length === 0) return null;
  if (rejected === 0 && ignored === 0) return null;
  return (
    <Card
      title={outcome === "rejected" ? "Rejected files" : "Ignored files"}
      extra={!live && <AsCsv dataset={dataset} outcome={outcome} />}
    >
      <div className="row">
        {!live && (
          <label className="inline">
            <span className="muted">Show</span>{" "}
            <select value={outcome} onChange={(event) => setOutcome(event.target.value as Outcome)}>
              <option value="rejected">rejected ({count(rejected ?? 0)})</option>
              <option value="ignored">ignored by rule ({count(ignored)})</option>
            </select>
          </label>
        )}
        {all.length > 5 && (
          <label className="inline">
            <span className="muted">Filter by file or reason</span>{" "}
            <input type="search" value={filter} onChange={(event) => setFilter(event.target.value)} />
          </label>
        )}
        <span className="muted" role="status">
          {filter &&
            `${count(rows.length)} of ${plural(all.length, "file")}${files.hasNextPage ? " loaded so far" : ""}`}
        </span>
      </div>
      {unknown && all.length === 0 && <Loading what="the files" />}
      {files.error && <Failed error={files.error} again={() => void files.refetch()} />}
      {files.data && !unknown && all.length === 0 && <p className="muted">There are none.</p>}
      {rows.length > 0 && <Files rows={rows.slice(0, shown)} />}
      {(rows.length > shown || files.hasNextPage) && (
        <Button
          small
          disabled={files.isFetchingNextPage}
          onClick={() => {
            setShown(shown + SHOWN);
            if (rows.length <= shown + SHOWN && files.hasNextPage) void files.fetchNextPage();
          }}
        >
          Show more
        </Button>
      )}
    </Card>
  );
}

function Files({ rows }: { rows: readonly LeftOut[] }) {
  return (
    <div className="wide-table">
      <table>
        <Head columns={["File", "Reason"]} />
        <tbody>
          {rows.map(({ member, code, detail }) => (
            <tr key={`${code} ${member}`}>
              <td className="path">{member}</td>
              <td>
                <code>{code}</code> {detail}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AsCsv({ dataset, outcome }: { dataset: Dataset; outcome: Outcome }) {
  const save = useMutation({
    mutationFn: async () => {
      const rows: string[][] = [];
      for (let after: number | null = null; ; ) {
        const page = await leftOut(dataset.id, outcome, after, AT_ONCE);
        for (const { member, code, detail, sha256 } of page.data) rows.push([member, code, detail, sha256 ?? ""]);
        if (page.next === null) break;
        after = Number(page.next);
      }
      download(`${outcome}-${dataset.id}.csv`, csv(["file", "code", "reason", "sha256"], rows));
    },
  });
  return (
    <Button small disabled={save.isPending} onClick={() => save.mutate()}>
      {save.isPending ? "Collecting …" : save.error ? "Try the download again" : "Download as CSV"}
    </Button>
  );
}

const fits = ({ member, code, detail }: LeftOut, filter: string): boolean =>
  `${member} ${code} ${detail}`.toLowerCase().includes(filter.trim().toLowerCase());
