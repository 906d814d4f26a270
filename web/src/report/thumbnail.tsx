/** A small picture of a sample; tiny ones stay sharp. What it shows is told beside it. */
export function Thumbnail({ src }: { src: string }) {
  const address = src.includes("?") ? src : `${src}?size=96`;
  return <img className="thumbnail" src={address} alt="" loading="lazy" width="48" height="48" />;
}
