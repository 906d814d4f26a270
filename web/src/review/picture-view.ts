/** How much larger a picture is shown than its frame, and how far it is moved out of its middle, in pixels. */
export interface PictureView {
  scale: number;
  x: number;
  y: number;
}
export interface Frame {
  width: number;
  height: number;
}

const MOST = 32;
export const WHOLE: PictureView = { scale: 1, x: 0, y: 0 };

/** Larger or smaller, never smaller than the frame. */
export function enlarged(view: PictureView, by: number, frame: Frame): PictureView {
  const scale = Math.max(1, Math.min(MOST, view.scale * by));
  const factor = scale / view.scale;
  return within({ scale, x: view.x * factor, y: view.y * factor }, frame);
}

/** Moved by so many pixels, no further than there is picture. */
export const moved = (view: PictureView, dx: number, dy: number, frame: Frame): PictureView =>
  within({ ...view, x: view.x + dx, y: view.y + dy }, frame);

function within({ scale, x, y }: PictureView, { width, height }: Frame): PictureView {
  const hidden = (side: number) => ((scale - 1) * side) / 2; // on either side
  const held = (at: number, most: number) => Math.max(-most, Math.min(most, at)) + 0; // no −0
  return { scale, x: held(x, hidden(width)), y: held(y, hidden(height)) };
}
