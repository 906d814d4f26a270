import { useEffect, useReducer, useRef } from "react";
import { type Happened, heard, isOver, NOTHING, type Story, TYPES } from "./story";

const AGAIN_MS = 3000;

/**
 * An audit's events as they come. The browser goes on after the last one it heard when the line was lost, and we do where
 * it gives up. A tab that nobody sees does not listen: it would hold one of the few lines that a browser has to a service.
 */
export function useStory(id: string, listening: boolean): Story {
  const [story, hear] = useReducer(heard, NOTHING);
  const last = useRef(0);
  last.current = story.last;
  useEffect(() => {
    if (!listening) return;
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      const stream = new EventSource(`/v1/audits/${id}/events?after=${last.current}`);
      source = stream;
      for (const type of TYPES)
        stream.addEventListener(type, (message) => {
          const event = read(type, message);
          if (!event) return;
          hear(event);
          if (isOver(event)) stream.close();
        });
      stream.onerror = () => {
        if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
      };
    };
    open();
    return () => {
      clearTimeout(timer);
      source?.close();
    };
  }, [id, listening]);
  return story;
}

function read(type: string, message: MessageEvent): Happened | null {
  try {
    const { at, ...data } = JSON.parse(String(message.data)) as Record<string, unknown>;
    return { id: Number(message.lastEventId), type, at: String(at), data };
  } catch {
    return null; // a line that broke within an event: it comes again
  }
}
