// What the card shows large: the picture while the work goes on, then the result, alone or beside the motion in step.
// The box takes the picture's shape once and keeps it through all of that, so that nothing below it ever jumps.
const SHAPE_KEY = "evolink-ui.shape"; // {id, shape}: of the newest job, so that a reload knows it from the start
const screenBox = el("div.mc-screen");
const ghostBox = el("div.mc-screen.mc-skeleton");
let shaped = null; // the job whose shape the box has
let comparing = false;
let drawnKey = ""; // what the screen was last drawn for, so that a player is never rebuilt while it plays

// shape: width by height.
function takeShape(id, shape) {
  if (shaped === id || !(shape > 0)) return;
  shaped = id;
  for (const box of [screenBox, ghostBox]) box.style.setProperty("--shape", String(shape));
  kit.save(SHAPE_KEY, { id, shape });
}
function recallShape(id) {
  shaped = null;
  for (const box of [screenBox, ghostBox]) box.style.removeProperty("--shape");
  const known = kit.load(SHAPE_KEY, {});
  if (known.id === id) takeShape(id, known.shape);
}
for (const event of ["load", "loadedmetadata"]) {
  screenBox.addEventListener(event, ({ target }) => { if (view) takeShape(view.id, (target.naturalWidth || target.videoWidth) / (target.naturalHeight || target.videoHeight)); }, true);
}
function player(source, label, more = {}) {
  return el("video", { src: source, controls: true, loop: true, playsinline: true, preload: "metadata", poster: view.poster_url, "aria-label": label, ...more });
}
function inStep(lead, other) {
  const follow = () => { if (Math.abs(other.currentTime - lead.currentTime) > 0.08) other.currentTime = Math.min(lead.currentTime, other.duration || lead.currentTime); };
  lead.addEventListener("play", () => { follow(); void other.play().catch(() => {}); });
  lead.addEventListener("pause", () => { other.pause(); follow(); });
  lead.addEventListener("seeked", follow);
  lead.addEventListener("timeupdate", follow);
  lead.addEventListener("ratechange", () => { other.playbackRate = lead.playbackRate; });
}
function drawScreen() {
  const working = WORKING.has(view.state);
  const key = [view.id, view.state === "done", view.result?.url, comparing, view.poster_url, working].join("|");
  if (key === drawnKey) return;
  drawnKey = key;
  const done = view.state === "done" && view.result?.url;
  screenBox.classList.toggle("two", Boolean(done && comparing));
  screenBox.classList.toggle("working", working);
  screenBox.hidden = !done && !working && !view.poster_url;
  if (done) {
    const result = player(view.result.url, t("card.result"));
    if (comparing && view.reference_url) {
      const reference = player(view.reference_url, t("card.reference"), { controls: false, tabindex: "-1", poster: null });
      reference.muted = true;
      inStep(result, reference);
      screenBox.replaceChildren(
        el("figure", {}, reference, el("figcaption", {}, t("card.reference"))),
        el("figure", {}, result, el("figcaption", {}, t("card.result"))));
    } else screenBox.replaceChildren(result);
  } else if (view.poster_url) screenBox.replaceChildren(el("img", { src: view.poster_url, alt: t("card.poster") }));
  else screenBox.replaceChildren(el("span.mc-drop-icon", {}, icon("film")));
}
function compare() {
  comparing = !comparing;
  drawScreen();
  drawActions();
  actions.querySelector("[aria-pressed]")?.focus();
  if (comparing && !matchMedia("(prefers-reduced-motion: reduce)").matches) screenBox.querySelector("figure:last-child video")?.play().catch(() => {});
}
