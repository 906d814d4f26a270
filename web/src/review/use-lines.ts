import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { inSight, showing, track } from "./lines";

const FAST = 6; // pixels a millisecond: what is passed by so fast is not looked at
const REST_MS = 60;
const MORE = 1; // lines that are drawn beyond what is in sight

/** The lines of a scrolled list that are to be drawn, and where. */
export function useLines(scroller: RefObject<HTMLElement | null>, lines: number, lineHeight: number) {
  const [top, setTop] = useState(0);
  const [size, setSize] = useState({ width: 800, height: 600 });
  const { height, factor, end } = track(lines, lineHeight, size.height);
  const [fast, setFast] = useState(false);
  const moves = useRef({ at: 0, top: 0, timer: 0 });
  const ours = useRef(0); // where we put the scroll bar ourselves

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const measure = () => setSize({ width: element.clientWidth, height: element.clientHeight });
    const seen = new ResizeObserver(measure);
    measure();
    seen.observe(element);
    return () => seen.disconnect();
  }, [scroller]);

  const scrollTo = useCallback(
    (wanted: number) => {
      const to = Math.max(0, Math.min(end, wanted));
      setTop(to);
      const element = scroller.current;
      if (!element) return;
      element.scrollTop = to / factor;
      ours.current = element.scrollTop;
    },
    [end, factor, scroller],
  );

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const scrolled = () => {
      if (Math.abs(element.scrollTop - ours.current) < 1) return;
      ours.current = element.scrollTop;
      const to = Math.min(end, element.scrollTop * factor);
      const now = performance.now();
      const last = moves.current;
      window.clearTimeout(last.timer);
      if (Math.abs(to - last.top) > FAST * Math.max(8, now - last.at)) setFast(true);
      moves.current = { at: now, top: to, timer: window.setTimeout(() => setFast(false), REST_MS) };
      setTop(to);
    };
    element.addEventListener("scroll", scrolled, { passive: true });
    return () => element.removeEventListener("scroll", scrolled);
  }, [end, factor, scroller]);

  // A wheel moves as far as anywhere, also where the scroll bar stands for more than it measures.
  const at = useRef(top);
  at.current = top;
  useEffect(() => {
    const element = scroller.current;
    if (!element || factor === 1) return;
    const turned = (event: WheelEvent) => {
      event.preventDefault();
      scrollTo(at.current + event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 40 : 1));
    };
    element.addEventListener("wheel", turned, { passive: false });
    return () => element.removeEventListener("wheel", turned);
  }, [factor, scroller, scrollTo]);

  const show = useCallback(
    (line: number) => scrollTo(showing(line, at.current, size.height, lineHeight, end)),
    [end, lineHeight, scrollTo, size.height],
  );
  const [first, last] = inSight(top, size.height, lineHeight, lines, MORE);
  const shift = ours.current - top; // from the list's pixels to those of the scrolled element
  const [seenFirst, seenLast] = inSight(top, size.height, lineHeight, lines, 0);
  return { first, last, seen: { first: seenFirst, last: seenLast }, height, shift, size, show, fast };
}
