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
let busyAction = "";
let actionError = null;
let comparing = false;
let drawnKey = ""; // what the slow parts were last drawn for, so that the player is never rebuilt while it plays
let notify = false;

const spoken = el("p.mc-sr", { role: "status", "aria-live": "polite" });
const heading = el("h2", { tabindex: "-1" });
const badge = el("span.mc-badge");
const picture = el("div.mc-screen");
const steps = el("ol.mc-steps", { "aria-label": t("card.steps") });
const fill = el("span");
const bar = el("div.mc-bar", { role: "progressbar", "aria-label": t("card.progress") }, fill);
const now = el("span.mc-now");
const times = el("span.mc-times");
const progress = el("div.mc-progress", {}, steps, bar, el("div.mc-under", {}, now, times));
const message = el("div.mc-message", { hidden: true });
const reconnecting = el("p.mc-reconnecting", { hidden: true }, icon("again"), t("card.reconnecting"));
const actions = el("div.mc-row.mc-actions");
const asking = el("div.mc-asking", { hidden: true });
const facts = el("dl.mc-dl");
const details = el("details.mc-details", {}, el("summary", {}, t("card.details")), facts);
const body = el("article.mc-card", { "aria-label": t("card.label"), hidden: true },
  el("header.mc-cardhead", {}, heading, badge), picture, progress, reconnecting, message, asking, actions, details);
const empty = el("div.mc-empty", {},
  el("div.mc-empty-art", { "aria-hidden": "true" }, el("span", {}, icon("person")), el("i", {}, "+"), el("span", {}, icon("film")), el("i", {}, "="), el("span.lead", {}, icon("play"))),
  el("h2", {}, t("empty.title")),
  el("ol", {}, ...["one", "two", "three"].map((step) => el("li", {}, t(`empty.${step}`)))),
  el("p", {}, t("empty.keep")));
element.replaceChildren(spoken, empty, body);

const elapsed = () => view.elapsed_seconds + (WORKING.has(view.state) ? (performance.now() - seenAt) / 1000 : 0);
const left = () => (view.eta_seconds === null ? null : Math.max(0, view.eta_seconds - (performance.now() - seenAt) / 1000));
const percent = () => {
  if (view.state === "hosting" && view.total_bytes > 0) return Math.floor((100 * (view.uploaded_bytes ?? 0)) / view.total_bytes);
  if (view.state === "running" && view.progress !== null) return Math.min(99, view.progress);
  return null;
};
const can = (action) => (view.actions ?? []).includes(action);

// ---- parts -------------------------------------------------------------------------------------------------------
function drawSteps() {
  const at = STAGE_OF[view.state] ?? stageOfTrouble();
  steps.replaceChildren(...STAGES.map((stage, index) => {
    const stands = index < at ? "done" : index > at ? "later" : WORKING.has(view.state) ? "now" : "trouble";
    return el(`li.${stands}`, { "aria-current": stands === "now" ? "step" : null },
      el("i", {}, stands === "done" ? icon("check") : stands === "trouble" ? icon("warn") : String(index + 1)),
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
    return t("now.hosting_bytes", { done: kit.bytes(view.uploaded_bytes ?? 0), all: kit.bytes(view.total_bytes) });
  }
  return share === null ? t(`now.${view.state}`) : t("now.running_percent", { n: kit.number(share) });
}
function drawClock() {
  if (!view) return;
  const working = WORKING.has(view.state);
  now.textContent = working ? nowText() : "";
  const remaining = left();
  const parts = [working ? t("time.elapsed", { time: kit.clock(elapsed()) }) : t("time.took", { time: kit.clock(elapsed()) })];
  if (working && remaining !== null) parts.push(remaining >= 3 ? t("time.left", { time: kit.clock(remaining) }) : t("time.soon"));
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
function drawPicture() {
  const key = [view.id, view.state === "done", view.result?.url, comparing, view.poster_url, WORKING.has(view.state)].join("|");
  if (key === drawnKey) return;
  drawnKey = key;
  picture.classList.toggle("two", view.state === "done" && comparing);
  picture.classList.toggle("working", WORKING.has(view.state));
  if (view.state === "done" && view.result?.url) {
    const result = player(view.result.url, t("card.result"));
    if (comparing && view.reference_url) {
      const reference = player(view.reference_url, t("card.reference"), { controls: false, tabindex: "-1", poster: null });
      reference.muted = true;
      inStep(result, reference);
      picture.replaceChildren(
        el("figure", {}, reference, el("figcaption", {}, t("card.reference"))),
        el("figure", {}, result, el("figcaption", {}, t("card.result"))));
    } else picture.replaceChildren(result);
  } else if (view.poster_url) picture.replaceChildren(el("img", { src: view.poster_url, alt: t("card.poster") }));
  else picture.replaceChildren(el("div.mc-skeleton"));
}
function compare() {
  comparing = !comparing;
  drawPicture();
  drawActions();
  actions.querySelector("[aria-pressed]")?.focus();
  if (comparing && !matchMedia("(prefers-reduced-motion: reduce)").matches) picture.querySelector("figure:last-child video")?.play().catch(() => {});
}
function drawMessage() {
  const trouble = view.error && !WORKING.has(view.state) && view.state !== "done";
  const parts = [];
  if (trouble) {
    const { text, next } = kit.sentence(view.error);
    parts.push(el("p.mc-strong", {}, text));
    parts.push(el("p", {}, el("strong", {}, t(`charged.${view.error.charged}`)), " ", next));
    if (view.error.request_id) parts.push(el("p.mc-small", {}, t("card.request_id", { id: view.error.request_id })));
  } else if (view.state === "stopped") parts.push(el("p.mc-strong", {}, t("message.stopped")));
  else if (view.state === "unknown") parts.push(el("p.mc-strong", {}, t("message.unknown")));
  if (view.notice && view.state !== "failed") parts.push(el("p.mc-small", {}, view.notice));
  if (actionError) {
    const { text, next } = kit.sentence(actionError);
    parts.push(el("p.mc-strong", { role: "alert" }, text, " ", next));
  }
  message.hidden = parts.length === 0;
  message.className = `mc-message ${view.state}`;
  message.replaceChildren(...parts);
}

// ---- what may be done --------------------------------------------------------------------------------------------
async function act(action, sent) {
  busyAction = action;
  actionError = null;
  drawActions(true);
  try {
    const answer = await kit.json(`jobs/${encodeURIComponent(job)}/${action}`, { method: "POST", body: sent ?? {}, milliseconds: 20000 });
    if (action === "delete") { leave(); kit.tell("changed", {}); return; }
    asking.hidden = true;
    got(answer);
    look();
  } catch (error) {
    actionError = error;
    drawMessage();
  } finally {
    busyAction = "";
    if (view) drawActions(true);
  }
}
// Asks once more before something that costs money or cannot be taken back.
function ask(text, action, label, field = null) {
  const yes = kit.button(label, { look: "primary", onclick: () => void act(action, field ? { task_id: field.value.trim() } : {}) });
  asking.replaceChildren(el("p", {}, text), field ? el("label.mc-small", { for: field.id }, t("attach.label")) : "", field ?? "",
    el("div.mc-row", {}, yes, kit.button(t("common.cancel"), { onclick: () => { asking.hidden = true; heading.focus(); } })));
  asking.hidden = false;
  (field ?? yes).focus();
}
function share() {
  const address = new URL(document.baseURI);
  address.search = "";
  address.hash = "";
  address.searchParams.set("job", job);
  return address.href;
}
let actionsKey = "";
function drawActions(force = false) {
  const key = [view.id, view.state, (view.actions ?? []).join(), comparing, busyAction, notify].join("|");
  if (key === actionsKey && !force) return;
  actionsKey = key;
  const list = [];
  if (view.state === "done" && view.result?.url) {
    list.push(el("a.mc-button.primary", { href: `${view.result.url}?download`, download: "" }, icon("download"), el("span.mc-label", {}, t("action.download"))));
    if (view.reference_url) {
      list.push(kit.button(t("action.compare"), { symbol: "compare", "aria-pressed": String(comparing), onclick: () => compare() }));
    }
  }
  if (can("follow_again")) list.push(kit.button(t("action.follow_again"), { look: "primary", symbol: "again", onclick: () => void act("follow_again") }));
  if (can("send_again")) list.push(kit.button(t("action.send_again"), { symbol: "again", onclick: () => ask(t("ask.send_again"), "send_again", t("action.send_again")) }));
  if (can("attach")) {
    list.push(kit.button(t("action.attach"), { symbol: "link", onclick: () => ask(t("ask.attach"), "attach", t("action.attach_now"), el("input.mc-input", { id: "mc-attach", type: "text", placeholder: "task-unified-…", autocomplete: "off", spellcheck: "false" })) }));
  }
  if (can("give_up")) list.push(kit.button(t("action.give_up"), { symbol: "close", onclick: () => ask(t("ask.give_up"), "give_up", t("action.give_up")) }));
  if (can("stop")) list.push(kit.button(t("action.stop"), { symbol: "stop", onclick: () => ask(t("ask.stop"), "stop", t("action.stop")) }));
  if (can("edit") || view.state === "failed") {
    list.push(kit.button(t(view.state === "done" ? "action.reuse" : "action.edit"), { look: view.state === "failed" ? "primary" : "quiet", symbol: "edit", onclick: () => kit.tell("reuse", { id: view.id, request: view.request }) }));
  }
  list.push(kit.button(t("action.share"), { symbol: "link", onclick: (event) => void kit.copy(share(), event.currentTarget) }));
  if (WORKING.has(view.state) && "Notification" in window && Notification.permission === "default") {
    list.push(kit.button(t("action.notify"), { symbol: "bell", onclick: async () => { notify = (await Notification.requestPermission()) === "granted"; drawActions(true); } }));
  }
  if (can("delete")) list.push(kit.button(t("action.delete"), { symbol: "trash", onclick: () => ask(t("ask.delete"), "delete", t("action.delete")) }));
  if (busyAction) for (const item of list) item.setAttribute("aria-disabled", "true");
  actions.replaceChildren(...list);
}
let factsKey = "";
function drawFacts() {
  const { request, credits, result } = view;
  const key = JSON.stringify([view.id, view.state, view.task_id, credits, result]);
  if (key === factsKey) return;
  factsKey = key;
  const rows = [];
  const row = (label, ...value) => rows.push(el("div", {}, el("dt", {}, label), el("dd", {}, ...value)));
  if (view.task_id) {
    row(t("fact.task"), el("code", {}, view.task_id), kit.button(t("common.copy"), { look: "small", symbol: "copy", "aria-label": t("fact.task.copy"), onclick: (event) => void kit.copy(view.task_id, event.currentTarget) }));
  }
  const spent = credits?.used ?? credits?.reserved ?? credits?.estimated;
  if (spent !== null && spent !== undefined) {
    const code = credits.used !== null && credits.used !== undefined ? "used" : credits.reserved !== null && credits.reserved !== undefined ? "reserved" : "estimated";
    row(t(view.mode === "live" ? `fact.credits.${code}` : "fact.credits.sandbox"), t(view.mode === "live" ? "unit.credits" : "unit.credits_sandbox", { n: kit.number(spent, 0, 1) }));
  }
  row(t("fact.made"), `${request.quality} · ${t(`facing.${request.character_orientation}`)} · ${t(request.keep_sound ? "facts.sound" : "facts.silent")}`);
  if (request.prompt) row(t("fact.prompt"), request.prompt);
  if (result) {
    row(t("fact.video"), [result.seconds ? t("unit.seconds", { n: kit.number(result.seconds, 1) }) : null, result.bytes ? kit.bytes(result.bytes) : null].filter(Boolean).join(" · "));
    if (view.mode === "live" && result.vendor_url && result.vendor_expires_at && Date.parse(result.vendor_expires_at) > Date.now()) {
      row(t("fact.vendor"), el("a", { href: result.vendor_url, target: "_blank", rel: "noopener noreferrer" }, t("fact.vendor.link")), ` ${t("fact.vendor.until", { date: kit.date(result.vendor_expires_at) })}`);
    }
  }
  row(t("fact.started"), kit.date(view.created_at));
  facts.replaceChildren(...rows);
}
function draw() {
  empty.hidden = true;
  body.hidden = false;
  body.dataset.state = view.state;
  heading.textContent = t(`state.${view.state}`);
  badge.textContent = t(`mode.${view.mode}`);
  badge.className = `mc-badge ${view.mode}`;
  reconnecting.hidden = !cut;
  progress.hidden = view.state === "done";
  drawSteps();
  drawBar();
  drawClock();
  drawPicture();
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
      new Notification(t(`state.${view.state}`), { body: view.request.prompt || pageTitle, tag: view.id, icon: view.poster_url ?? undefined });
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
  if (id !== job) { view = null; drawnKey = ""; cut = false; }
  job = id;
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
  body.hidden = true;
  empty.hidden = false;
}
setInterval(() => { if (view && WORKING.has(view.state) && !document.hidden) drawClock(); }, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden && job) look(); });
window.addEventListener("online", () => { if (job) look(); });
kit.hear("gone", ({ id }) => { if (id === job) leave(); });
kit.hear("job", ({ id, view: first = null, started = false }) => follow(id, { first, focus: started }));

const asked = new URL(location.href).searchParams.get("job") ?? kit.load(kit.JOB_KEY, null);
if (typeof asked === "string" && /^[\w-]{1,64}$/.test(asked)) follow(asked);
