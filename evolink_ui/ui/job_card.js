// The live card of one job. It asks our own route, so it survives reloads, second tabs and network cuts; the job itself
// never depends on this page. Everything is drawn from the job's public view.
const LOOK_MS = 1000;
const HIDDEN_LOOK_MS = 5000;
const PATIENCE_MS = 8000;
const STAGES = ["upload", "order", "generate", "save"];
const STAGE_OF = { queued: 0, hosting: 0, submitting: 1, running: 2, saving: 3, done: 4 };
const WORKING = new Set(["queued", "hosting", "submitting", "running", "saving"]);

const pageTitle = document.title;
let job = null; // id on show
let view = null; // its newest view
let seenAt = 0; // when that view came, for the clocks in between
let cut = false; // the last look did not get through
let timer = null;
let stageSpoken = "";
let messageKey = "";

const spoken = el("p.mc-sr", { role: "status", "aria-live": "polite" });
const heading = el("h2", { tabindex: "-1" });
const badge = el("span.mc-badge");
const steps = el("ol.mc-steps", { "aria-label": t("card.steps") });
const fill = el("span");
const bar = el("div.mc-bar", { role: "progressbar", "aria-label": t("card.progress") }, fill);
const now = el("span.mc-now");
const times = el("span.mc-times");
const under = el("div.mc-under", {}, now, times);
const progress = el("div.mc-progress", {}, steps, bar, under);
const message = el("div.mc-message", { hidden: true });
const reconnecting = el("p.mc-reconnecting", { hidden: true }, icon("again"), t("card.reconnecting"));
const honest = el("div.mc-honest", { hidden: true }, el("p", {}, t("card.sandbox")),
  kit.button(t("key.ask"), { symbol: "key", onclick: () => kit.tell("wantkey", {}) }));
const body = el("article.mc-card", { "aria-label": t("card.label"), hidden: true },
  el("header.mc-cardhead", {}, heading, badge), screenBox, progress, reconnecting, message, asking, actions, honest, details);
const empty = el("div.mc-empty", {},
  el("div.mc-empty-art", { "aria-hidden": "true" }, el("span", {}, icon("person")), el("i", {}, "+"), el("span", {}, icon("film")), el("i", {}, "="), el("span.lead", {}, icon("play"))),
  el("h2", {}, t("empty.title")),
  el("ol", {}, ...["one", "two", "three"].map((step) => el("li", {}, t(`empty.${step}`)))),
  el("p", {}, t("empty.keep")));
// Holds the card's place until its first look is answered.
const ghost = el("div.mc-card", { "aria-hidden": "true", hidden: true }, el("div.mc-line"), ghostBox, el("div.mc-line.short"));
element.replaceChildren(spoken, strip, empty, ghost, body);
const show = (node) => { for (const one of [empty, ghost, body]) one.hidden = one !== node; };

const elapsed = () => view.elapsed_seconds + (performance.now() - seenAt) / 1000;
const left = () => (view.eta_seconds === null ? null : Math.max(0, view.eta_seconds - (performance.now() - seenAt) / 1000));
const percent = () => {
  if (view.state === "hosting" && view.total_bytes > 0) return Math.floor((100 * (view.uploaded_bytes ?? 0)) / view.total_bytes);
  if (view.state === "running" && view.progress !== null) return Math.min(99, view.progress);
  return null;
};

// ---- parts -------------------------------------------------------------------------------------------------------
function drawSteps() {
  const at = STAGE_OF[view.state] ?? stageOfTrouble();
  steps.replaceChildren(...STAGES.map((stage, index) => {
    const stands = index < at ? "done" : index > at ? "later" : WORKING.has(view.state) ? "now" : "trouble";
    const halted = stands === "trouble" && view.state === "stopped"; // by the person, as a rule: no reason for alarm
    return el(`li.${stands}${halted ? ".halted" : ""}`, { "aria-current": stands === "now" ? "step" : null },
      el("i", {}, stands === "done" ? icon("check") : stands === "trouble" ? icon(halted ? "stop" : "warn") : String(index + 1)),
      el("span", {}, t(`stage.${stage}`)), el("span.mc-sr", {}, t(`stands.${stands}`)));
  }));
}
// A job that ended early shows how far it had come.
const stageOfTrouble = () => (view.task_id ? 2 : view.state === "unknown" ? 1 : (view.uploaded_bytes ?? 0) > 0 && view.uploaded_bytes >= view.total_bytes ? 1 : 0);

function drawBar() {
  const share = percent();
  const working = WORKING.has(view.state);
  bar.hidden = !working;
  bar.classList.toggle("moving", working && share === null);
  fill.style.width = share === null ? "" : `${share}%`;
  if (share === null) bar.removeAttribute("aria-valuenow");
  else bar.setAttribute("aria-valuenow", String(share));
  bar.setAttribute("aria-valuetext", nowText());
}
function nowText() {
  if (view.state === "queued" && view.place_in_line > 0) return t("now.line", { n: kit.number(view.place_in_line) });
  const share = percent();
  if (view.state === "hosting" && view.total_bytes > 0) {
    const done = view.uploaded_bytes ?? 0;
    return done < view.total_bytes ? t("now.hosting_bytes", { done: kit.bytes(done), all: kit.bytes(view.total_bytes) }) : t("now.hosted");
  }
  return share === null ? t(`now.${view.state}`) : t("now.running_percent", { n: kit.number(share) });
}
function drawClock() {
  const working = WORKING.has(view?.state);
  under.hidden = !working;
  if (!working) return;
  now.textContent = nowText();
  const remaining = left();
  const parts = [t("time.elapsed", { time: kit.clock(elapsed()) })];
  if (remaining !== null) parts.push(remaining >= 3 ? t("time.left", { time: kit.clock(remaining) }) : t("time.soon"));
  times.textContent = parts.join(" · ");
}
function drawTitle() {
  const share = percent();
  const mark = view.state === "done" ? t("title.done")
    : view.state === "failed" ? t("title.failed")
      : view.state === "unknown" || view.state === "stopped" ? t("title.attention")
        : share !== null && view.state === "running" ? t("title.percent", { n: share }) : t("title.working");
  document.title = `${mark} · ${pageTitle}`;
}
function drawMessage() {
  const trouble = view.error && !WORKING.has(view.state) && view.state !== "done";
  // Drawn again only when it says something else: a button in it keeps the focus, an alert is spoken once.
  const key = JSON.stringify([view.id, view.state, view.task_id, view.error, view.notice, view.doubt, view.candidates, view.needs_key, kit.ownKey, actionError && kit.sentence(actionError)]);
  if (key === messageKey) return;
  messageKey = key;
  const parts = [];
  if (trouble) {
    parts.push(...kit.trouble(view.error, { advice: !doubtAdvises() }));
    if (view.error.request_id) parts.push(el("p.mc-small", {}, t("card.request_id", { id: view.error.request_id })));
  } else if (view.state === "stopped") parts.push(el("p.mc-strong", {}, t("message.stopped")));
  else if (view.state === "unknown") parts.push(el("p.mc-strong", {}, t("message.unknown")));
  if (view.doubt) parts.push(...doubtParts());
  if (props.forgets && view.mode === "live" && view.task_id && view.state !== "failed") parts.push(el("p.mc-small", {}, t("card.forgets"), " ", copyTask()));
  if (view.needs_key) parts.push(el("p", {}, t(kit.ownKey ? "message.other_key" : "message.needs_key")));
  if (view.notice && view.state !== "failed") parts.push(el("p.mc-small", {}, view.notice));
  if (actionError) {
    const { text, next } = kit.sentence(actionError);
    parts.push(el("p.mc-strong", { role: "alert" }, text, " ", next));
  }
  message.hidden = parts.length === 0;
  message.className = `mc-message ${view.state}`;
  message.replaceChildren(...parts);
}

function draw() {
  show(body);
  body.dataset.state = view.state;
  heading.textContent = t(`state.${view.state}`);
  badge.textContent = t(`mode.${view.mode}`);
  badge.className = `mc-badge ${view.mode}`;
  reconnecting.hidden = !cut;
  progress.hidden = view.state === "done";
  honest.hidden = view.mode !== "sandbox" || view.state !== "done" || kit.ownKey;
  drawSteps();
  drawBar();
  drawClock();
  drawScreen();
  drawMessage();
  drawActions();
  drawFacts();
  drawTitle();
}
function announce(before) {
  const said = view.state === "done" ? t("spoken.done") : WORKING.has(view.state) ? t("spoken.stage", { stage: t(`stage.${STAGES[STAGE_OF[view.state]]}`) }) : t(`state.${view.state}`);
  if (said !== stageSpoken) { stageSpoken = said; spoken.textContent = said; }
  if (before && WORKING.has(before) && !WORKING.has(view.state)) {
    kit.tell("changed", {});
    if (document.hidden && "Notification" in window && Notification.permission === "granted") {
      try {
        new Notification(t(`state.${view.state}`), { body: view.request.prompt || pageTitle, tag: view.id, icon: view.poster_url ?? undefined });
      } catch {
        return; // some phones know no notifications of pages; the title tells
      }
    }
  }
}

// ---- looking -----------------------------------------------------------------------------------------------------
function got(answer) {
  if (answer.id !== job) return;
  const before = view?.id === answer.id ? view.state : null;
  if (!before) { asking.hidden = true; actionError = null; comparing = false; stageSpoken = ""; }
  view = answer;
  seenAt = performance.now();
  cut = false;
  draw();
  noteTile(view);
  announce(before);
}
async function look() {
  clearTimeout(timer);
  const mine = job;
  let wait = document.hidden ? HIDDEN_LOOK_MS : LOOK_MS;
  try {
    const answer = await kit.json(`jobs/${encodeURIComponent(mine)}`, { milliseconds: PATIENCE_MS });
    if (mine !== job) return;
    got(answer);
    if (!WORKING.has(answer.state)) wait = answer.state === "done" || answer.state === "failed" ? null : HIDDEN_LOOK_MS;
  } catch (error) {
    if (mine !== job) return;
    if (error.status === 404) { leave(); return; }
    cut = true;
    if (view) { reconnecting.hidden = false; }
  }
  clearTimeout(timer);
  if (wait !== null) timer = setTimeout(look, wait);
}
function follow(id, { first = null, focus = false } = {}) {
  if (id !== job) { view = null; drawnKey = ""; cut = false; recallShape(id); show(ghost); }
  job = id;
  drawStrip();
  kit.save(kit.JOB_KEY, id);
  const address = new URL(location.href);
  if (address.searchParams.get("job") !== id) { address.searchParams.set("job", id); history.replaceState(history.state, "", address); }
  if (first) got(first);
  if (focus) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    body.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
    heading.focus({ preventScroll: true });
  }
  look();
}
function leave() {
  clearTimeout(timer);
  job = null;
  view = null;
  drawnKey = "";
  kit.save(kit.JOB_KEY, null);
  const address = new URL(location.href);
  address.searchParams.delete("job");
  history.replaceState(history.state, "", address);
  document.title = pageTitle;
  drawStrip();
  show(empty);
}
setInterval(() => { if (!document.hidden) drawClock(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden && job) look(); });
window.addEventListener("online", () => { if (job) look(); });
kit.hear("key", () => { if (view) draw(); });
kit.hear("gone", ({ id }) => { if (id === job) leave(); });
kit.hear("job", ({ id, view: first = null, started = false }) => follow(id, { first, focus: started }));

const asked = new URL(location.href).searchParams.get("job") ?? kit.load(kit.JOB_KEY, null);
if (typeof asked === "string" && /^[\w-]{1,64}$/.test(asked)) follow(asked);
startStrip();
