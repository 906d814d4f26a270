import { useEffect, useMemo } from "react";
import { Pictures } from "./pictures";

/** The pictures of a dataset in a size; those of another one are let go of. */
export function usePictures(datasetId: string | undefined, size: number): Pictures | null {
  const pictures = useMemo(() => (datasetId === undefined ? null : new Pictures(datasetId, size)), [datasetId, size]);
  useEffect(() => () => pictures?.close(), [pictures]);
  return pictures;
}
