import { useEffect, useRef } from "react";
import { type Drawn, paint, radiusOf } from "./paint";
import type { Size, View } from "./view";

const MOST_PIXELS = 2; // a side, for each of CSS: more of them nobody sees

/** The points as a picture. It shows nothing that the legend, the list beside it and the review do not say as well. */
export function Canvas({ drawn, view, size }: { drawn: Drawn; view: View; size: Size }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const picture = useRef<ImageData>(null);
  const ratio = Math.min(MOST_PIXELS, window.devicePixelRatio || 1);
  const width = Math.max(1, Math.round(size.width * ratio));
  const height = Math.max(1, Math.round(size.height * ratio));
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      const context = ref.current?.getContext("2d");
      if (!context) return;
      if (picture.current?.width !== width || picture.current.height !== height)
        picture.current = context.createImageData(width, height);
      const image = picture.current;
      const pixels = new Uint32Array(image.data.buffer);
      const sharp = { ...view, scale: view.scale * ratio };
      paint(pixels, drawn, sharp, { width, height }, radiusOf(drawn.points.count, view, size, ratio));
      context.putImageData(image, 0, 0);
    });
    return () => cancelAnimationFrame(frame);
  }, [drawn, view, size, width, height, ratio]);
  return <canvas ref={ref} width={width} height={height} />;
}
