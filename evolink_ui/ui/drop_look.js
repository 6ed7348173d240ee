// What the browser itself can tell about a file, before a byte of it is sent.
const PREVIEW_PATIENCE_MS = 6000; // a browser that cannot decode a file may stay silent about it
const MENDABLE_BYTES = 100 * 1000 * 1000; // more is not taken in, so nothing larger can be mended
const ACCEPTED = { image: [".jpg", ".jpeg", ".png"], video: [".mp4", ".mov"] };
const CONVERTIBLE = {
  image: [".heic", ".heif", ".webp", ".gif", ".bmp", ".tif", ".tiff"],
  video: [".webm", ".mkv", ".avi", ".m4v", ".wmv", ".flv", ".mpg", ".mpeg", ".ogv"],
};
const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
const endsWithOne = (name, endings) => endings.some((ending) => name.toLowerCase().endsWith(ending));

// {code, values, mendable}: what is wrong by name and size alone; null where nothing is.
function obviousProblem(kind, file, limits) {
  const mendable = file.size > 0 && file.size <= MENDABLE_BYTES;
  if (!endsWithOne(file.name, ACCEPTED[kind])) {
    return { code: `${kind}_type`, values: { name: file.name }, mendable: mendable && endsWithOne(file.name, CONVERTIBLE[kind]) };
  }
  if (file.size === 0) return { code: "empty" };
  if (file.size > limits.max_bytes) {
    return { code: "too_big", values: { size: kit.bytes(file.size), limit: kit.bytes(limits.max_bytes) }, mendable: mendable && kind === "image" };
  }
  return null;
}
// The same by what was seen of it: {width, height, seconds} or null where the browser cannot decode it.
function measuredProblem(kind, seen, limits) {
  if (!seen) return null;
  if (kind === "video" && Number.isFinite(seen.seconds)) {
    // A tenth of a second of doubt is left to the server, which counts frames.
    if (seen.seconds < limits.min_seconds - 0.1) return { code: "too_short", values: { seconds: kit.number(seen.seconds, 1), limit: limits.min_seconds } };
    if (seen.seconds > limits.max_seconds + 0.6) return { code: "too_long", values: { seconds: kit.number(seen.seconds, 1), limit: limits.max_seconds }, long: true };
  }
  const least = limits.min_side_px;
  if (Math.min(seen.width, seen.height) < least) return { code: "too_small", values: { width: seen.width, height: seen.height, limit: least }, mendable: true };
  return null;
}

const picturePreview = (kind, source) => el("img", { alt: t(`drop.${kind}.alt`), src: source });
// Its controls come with the pointer or the focus, so that the form stays calm; a finger brings them, too.
const motionPreview = (source, more) => {
  const video = el("video", { muted: true, loop: true, playsinline: true, tabindex: "0", "aria-label": t("drop.video.alt"), ...more });
  video.muted = true;
  video.src = source;
  for (const event of ["pointerenter", "pointerdown", "focus"]) video.addEventListener(event, () => { video.controls = true; });
  for (const event of ["pointerleave", "blur"]) video.addEventListener(event, () => { video.controls = video.matches(":focus, :hover"); });
  return video;
};
// Shows a file of this computer in `media`; resolves to what is seen of it, or null.
const lookAt = (kind, source, media) => new Promise((resolve) => {
  const timer = setTimeout(() => resolve(null), PREVIEW_PATIENCE_MS);
  const done = (value) => { clearTimeout(timer); resolve(value); };
  const node = kind === "image" ? picturePreview(kind, source) : motionPreview(source, { preload: "auto" });
  if (kind === "image") node.onload = () => done({ width: node.naturalWidth, height: node.naturalHeight });
  else node.onloadedmetadata = () => done(node.videoWidth ? { width: node.videoWidth, height: node.videoHeight, seconds: node.duration } : null);
  node.onerror = () => done(null);
  media.replaceChildren(node);
});
