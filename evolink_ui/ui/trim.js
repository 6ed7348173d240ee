// Which part of a video to keep: two handles over its length. The part follows the hand: it never gets longer than what
// is accepted nor shorter than what is needed, so every position is one that can be cut.
const TRIM_STEP_SECONDS = 0.1;

// limits: of videos, in seconds. longest: () -> seconds that may be kept at most now. preview: () -> the <video> or null.
// cut(start, end): keep this part. closed(): the person thought better of it.
function makeTrim({ limits, longest, preview, cut, closed }) {
  let whole = 0;
  let [from, to] = [0, 0];
  const handle = (name, moved) => {
    const input = el("input.mc-handle", { type: "range", min: "0", step: String(TRIM_STEP_SECONDS), "aria-label": t(`trim.${name}`), "data-handle": name });
    input.addEventListener("input", () => moved(Number(input.value)));
    return input;
  };
  const tenth = (seconds) => Math.round(seconds * 10) / 10;
  const start = handle("start", (value) => {
    from = Math.max(0, Math.min(value, whole - limits.min_seconds));
    to = Math.min(Math.max(to, from + limits.min_seconds), from + longest(), whole);
    draw(from);
  });
  const end = handle("end", (value) => {
    to = Math.min(whole, Math.max(value, limits.min_seconds));
    from = Math.max(Math.min(from, to - limits.min_seconds), to - longest(), 0);
    draw(to);
  });
  const kept = el("span.mc-kept");
  const times = el("p.mc-trimtimes");
  const most = el("p.mc-small");
  const label = el("span.mc-label");
  const go = el("button.mc-button.primary", { type: "button", onclick: () => cut(tenth(from), tenth(to)) }, icon("cut"), label);
  const cancel = kit.button(t("common.cancel"), { onclick: () => { close(); closed(); } });
  const node = el("div.mc-trim", { role: "group", "aria-label": t("trim.title"), hidden: true },
    el("p.mc-strong", {}, t("trim.title")),
    el("div.mc-trimtrack", {}, kept, start, end), times, most, el("div.mc-row", {}, go, cancel));

  const seconds = (value) => t("unit.seconds", { n: kit.number(value, 1) });
  function draw(at = null) {
    for (const [input, value] of [[start, from], [end, to]]) {
      input.max = String(whole);
      input.value = String(tenth(value));
      input.setAttribute("aria-valuetext", seconds(value));
    }
    kept.style.left = `${(100 * from) / whole}%`;
    kept.style.right = `${100 - (100 * to) / whole}%`;
    times.textContent = t("trim.times", { from: seconds(from), to: seconds(to), all: seconds(whole) });
    most.textContent = t("trim.most", { limit: kit.number(longest()) });
    label.textContent = t("trim.cut", { length: seconds(to - from) });
    const video = preview();
    if (video && at !== null) { video.pause(); video.currentTime = Math.min(at, whole - 0.05); }
  }
  // A preview that plays meanwhile shows the part that would be kept.
  const stay = (event) => {
    const video = event.target;
    if (node.hidden || video.paused || video !== preview()) return;
    if (video.currentTime > to || video.currentTime < from - 0.3) video.currentTime = from;
  };
  function close() { node.hidden = true; }
  return {
    node, close, stay,
    get isOpen() { return !node.hidden; },
    // optional: whether the video could be ordered as it is.
    open(duration, { optional = false } = {}) {
      whole = tenth(duration);
      [from, to] = [0, Math.min(whole, longest())];
      cancel.hidden = !optional;
      node.hidden = false;
      draw();
    },
    // The longest part that is accepted may have changed.
    refit() {
      if (node.hidden) return;
      to = Math.min(to, from + longest());
      draw();
    },
    focus() { start.focus(); },
  };
}
