import { type ChangeEvent, type DragEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { told } from "../api/problem";
import { Button, Notice } from "../ui/parts";
import { chosen, type Looked, leftOut, ofDrop, ofInput } from "./chosen";
import { uploads } from "./uploads";

/** Where files and folders are dropped or chosen. */
export function Drop({ children }: { children?: ReactNode }) {
  const [over, setOver] = useState(false);
  const [looking, setLooking] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);

  useEffect(() => folder.current?.setAttribute("webkitdirectory", ""), []);

  async function take(finding: Promise<Looked>) {
    setWrong(null);
    setLooking(true);
    try {
      const looked = await finding;
      setWrong(leftOut(looked));
      for (const one of chosen(looked.found)) uploads.add(one);
    } catch (error) {
      setWrong(`It cannot be read: ${told(error)}`);
    } finally {
      setLooking(false);
    }
  }
  function dropped(event: DragEvent) {
    event.preventDefault();
    setOver(false);
    void take(ofDrop(event.dataTransfer));
  }
  function picked(event: ChangeEvent<HTMLInputElement>) {
    const found = ofInput(event.target.files ?? new DataTransfer().files);
    event.target.value = ""; // the same file can be chosen again
    if (found.length > 0) void take(Promise.resolve({ found, unreadable: [] }));
  }

  return (
    <section
      className="drop"
      aria-label="Upload"
      data-over={over}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
    >
      {children}
      <p>Drop an archive or a folder of images here, or</p>
      <div className="row">
        <Button kind="main" onClick={() => file.current?.click()}>
          Choose a file
        </Button>
        <Button onClick={() => folder.current?.click()}>Choose a folder</Button>
      </div>
      <p className="muted">zip, tar, tar.gz, tar.zst, parquet, npz. A lost connection or a reload costs nothing.</p>
      <input ref={file} type="file" multiple hidden aria-label="Archive" onChange={picked} />
      <input ref={folder} type="file" hidden aria-label="Folder" onChange={picked} />
      {looking && <p role="status">Looking through the folder …</p>}
      {wrong && (
        <Notice kind="error">
          <p className="wrapping">{wrong}</p>
        </Notice>
      )}
    </section>
  );
}
