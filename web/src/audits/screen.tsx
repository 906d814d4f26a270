import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { auditQuery, ENDED } from "../api/queries";
import { Button, Failed, Loading, Notice } from "../ui/parts";
import { Ended } from "./ended";
import { AuditHeader } from "./header";
import { Running } from "./running";
import "./audits.css";

const Report = lazy(() => import("../report/screen"));

/** An audit: how far it is, and its report when it is done. */
export default function AuditScreen({ id }: { id: string }) {
  const query = useQuery({ ...auditQuery(id), refetchIntervalInBackground: true });
  const audit = query.data;
  const done = audit?.status === "succeeded";
  const [report, setReport] = useState(false);
  const watched = useRef(false);
  useEffect(() => {
    if (audit && !ENDED.has(audit.status)) watched.current = true;
    // Whoever looks is taken to the report; whoever does not finds what they left, and the news.
    if (done && (!watched.current || document.visibilityState === "visible")) setReport(true);
  }, [audit, done]);
  useTitle(done && watched.current && !report);
  if (done && report)
    return (
      <>
        <p className="unseen" role="status">
          {watched.current && "The audit is done. This is its report."}
        </p>
        <Suspense fallback={<Loading what="the report" />}>
          <Report auditId={id} />
        </Suspense>
      </>
    );
  return (
    <div className="screen">
      <AuditHeader id={id} />
      {query.isPending && <Loading what="the audit" />}
      {query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {done && (
        <Notice kind="good">
          <p>The audit is done.</p>
          <Button kind="main" small onClick={() => setReport(true)}>
            Open the report
          </Button>
        </Notice>
      )}
      {audit && (audit.status === "failed" || audit.status === "cancelled") && <Ended audit={audit} />}
      {audit && (!ENDED.has(audit.status) || (done && watched.current)) && <Running audit={audit} />}
    </div>
  );
}

/** Says in the tab's title that there is news, until it was seen. */
function useTitle(news: boolean): void {
  useEffect(() => {
    if (!news) return;
    const before = document.title;
    document.title = `✓ ${before}`;
    return () => {
      document.title = before;
    };
  }, [news]);
}
