import { useEffect, useState } from "react";
import { size } from "../ui/format";
import { Button } from "../ui/parts";
import { useRemembered } from "../ui/stored";
import { abandon, begun } from "./unfinished";
import { uploads } from "./uploads";

const LOOK_MS = 3000;

/** Uploads that were begun before and that no tab has: not one of another tab, which may well be sending it. */
export function Unfinished({ names }: { names: ReadonlySet<string> }) {
  useRemembered("uploads", "{}");
  const others = useOthers();
  const left = Object.entries(begun()).filter(([key, { name }]) => others && !others.has(key) && !names.has(name));
  if (left.length === 0) return null;
  return (
    <div className="notice info">
      <p>These uploads were not finished. Choose the same file or folder again, and it goes on where it stopped.</p>
      <ul className="unfinished">
        {left.map(([key, one]) => (
          <li key={key} className="row">
            <span className="path">{one.name}</span> <span className="muted">{size(one.size)}</span>
            <Button small kind="quiet" onClick={() => void drop(key)} aria-label={`Give up: ${one.name}`}>
              Give up
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Another tab may have taken it up just now. */
async function drop(key: string): Promise<void> {
  if (!(await uploads.elsewhere()).has(key)) abandon(key);
}

/** What other tabs have; null until they had time to say it. */
function useOthers(): ReadonlySet<string> | null {
  const [others, setOthers] = useState<ReadonlySet<string> | null>(null);
  useEffect(() => {
    const look = () => void uploads.elsewhere().then(setOthers);
    look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  return others;
}
