import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { datasetsQuery } from "./queries";
import { Transfer } from "./transfer";
import { Unfinished } from "./unfinished-list";
import { uploads } from "./uploads";

/** The uploads of this tab, and those that were not finished before. */
export function Transfers() {
  const all = useSyncExternalStore(uploads.subscribe, uploads.all);
  const queries = useQueryClient();
  const done = all.filter(({ state }) => state === "done").length;
  useEffect(() => {
    if (done > 0) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey });
  }, [done, queries]);
  const signedOut = all.some(({ why }) => why?.includes("Sign in"));
  useEffect(() => {
    if (signedOut) void queries.invalidateQueries({ queryKey: datasetsQuery.queryKey }); // its 401 brings the sign-in
  }, [signedOut, queries]);
  return (
    <>
      {all.length > 0 && (
        <ul className="transfers" aria-label="Uploads">
          {all.map((upload) => (
            <Transfer key={upload.id} upload={upload} />
          ))}
        </ul>
      )}
      <Unfinished names={new Set(all.map(({ name }) => name))} />
    </>
  );
}
