// The form: two drop zones, the choices, the price before the click. It keeps a draft in this browser, so that what was
// typed and chosen survives errors, reloads and cuts; the files themselves stay on the server under their own names.
const { limits, rates, mode, topup_url, order: fields } = props;
const ORDER_PATIENCE_MS = 20000;
const READING_PATIENCE_MS = 2000; // the server gives it no longer either
const LINK_PATIENCE_MS = 150000; // links are fetched and judged before the order is written down

const draft = kit.load(kit.DRAFT_KEY, {});
// One value for each field of an order: the known one where it can stand in the form, else the default.
const fitting = (known) => Object.fromEntries(Object.entries(fields).map(([name, { default: usual, choices }]) => {
  const value = known[name];
  return [name, typeof value === typeof usual && (choices?.includes(value) ?? true) ? value : usual];
}));
const form = fitting(draft);
let attempt = draft.attempt ?? null; // names one press of Generate: sent again after a cut, it finds the first order
let sending = false;
let keyKnown = mode === "live"; // until the server said whose key pays, the page claims nothing about money
let live = mode === "live"; // whether an order costs money: the app has a key, or this visitor gave one
let credits = null; // what the key has left, where this visitor may see it
const seesBalance = () => live && (kit.ownKey || kit.isOwner); // the app's own account is its owner's business

const judgeImage = (file) => kit.ask("judge_image", file);
const judgeVideo = (file) => kit.ask("judge_video", { ...file, character_orientation: form.character_orientation });
const readVideoAgain = (file) => kit.ask("read_video_again", { ...file, character_orientation: form.character_orientation });
const facingNow = () => form.character_orientation;
const longest = () => (form.character_orientation === "image" ? limits.video.image_orientation_max_seconds : limits.video.max_seconds);
const image = makeDrop({ kind: "image", facing: facingNow, longest, limits: limits.image, judge: judgeImage, changed: () => refresh() });
const video = makeDrop({ kind: "video", facing: facingNow, longest, limits: limits.video, judge: judgeVideo, readAgain: readVideoAgain, changed: () => refresh() });

const choices = makeChoices({ form, rates, most: limits.prompt_max_chars, changed: () => refresh(), turned: () => judgeAhead() });

// ---- a visitor's own key ----------------------------------------------------------------------------------------
const keyGive = makeKeyField({ id: "mc-key", label: t("key.use"), hint: "mc-key-hint", given: () => keyForget.focus() });
const keyForget = kit.button(t("key.forget"), { symbol: "close", onclick: () => void forgetKey() });
const keyProblem = el("p.mc-field-problem", { role: "status" });
const keyState = el("p", { role: "status" }, t("key.set"));
const keyTaken = el("div.mc-key", { hidden: true }, keyState, el("div.mc-row", {}, keyForget), keyProblem);
const keyBox = el("details.mc-advanced", {}, el("summary", {}, t("key.title")), keyGive.node, keyTaken,
  el("p.mc-hint", { id: "mc-key-hint" }, t("key.hint")));
const consent = el("p.mc-consent");
const headMode = document.querySelectorAll("#mc-head .mc-mode > *"); // badge, hint, the way to a key
function drawKey() {
  const { ownKey } = kit;
  live = mode === "live" || ownKey;
  keyGive.node.hidden = ownKey;
  keyTaken.hidden = !ownKey;
  consent.textContent = t(live ? "consent.live" : "consent.sandbox", { days: limits.keep_days });
  const [badge, hint, way] = headMode;
  const stands = live ? "live" : "sandbox";
  badge.textContent = t(`head.${stands}`);
  badge.className = `mc-badge ${stands}`;
  hint.textContent = t(ownKey ? "head.own.hint" : `head.${stands}.hint`);
  way.hidden = live;
}
async function forgetKey() {
  keyProblem.textContent = "";
  try {
    await sendKey("");
    keyGive.focus();
  } catch (error) {
    const { text, next } = kit.sentence(error);
    keyProblem.textContent = `${text} ${next}`;
  }
}
async function askKey() {
  let answer;
  try {
    answer = await kit.json("key");
  } catch {
    return; // what the page said before still stands; an order with another key is refused
  }
  keyKnown = true;
  kit.isOwner = answer.owner;
  kit.ownKey = answer.set;
  kit.tell("key", { set: answer.set });
}
kit.hear("key", ({ checked = true, remaining = null }) => {
  keyKnown = true;
  keyState.textContent = checked ? t("key.set") : `${t("key.set")} ${t("key.unchecked")}`;
  credits = remaining;
  balance.hidden = credits === null;
  drawKey();
  refresh(); // in the same moment; how much is left may come later
  if (remaining === null) void askBalance();
});
window.addEventListener("storage", (event) => { if (event.key === kit.KEY_KEY) void askKey(); }); // another tab's doing
kit.hear("wantkey", () => {
  kit.openTab("create");
  keyBox.open = true;
  keyBox.scrollIntoView({ block: "center" });
  keyGive.focus();
});
headMode[2].querySelector("button").addEventListener("click", () => kit.tell("wantkey", {}));

// ---- the button --------------------------------------------------------------------------------------------------
const goLabel = el("span.mc-label");
const goPrice = el("span.mc-price");
const go = el("button.mc-button.primary.mc-go", { type: "submit", "aria-describedby": "mc-why" }, goLabel, goPrice);
const why = el("p.mc-why", { id: "mc-why" });
const failed = el("div.mc-notes", { role: "alert" });
const left = el("span");
const balance = el("p.mc-balance", { hidden: true }, left, " ", el("a", { href: topup_url, target: "_blank", rel: "noopener" }, t("balance.topup")));
const examples = makeExamples({
  use: (files) => Promise.all([image.restore(files.image), video.restore(files.video)]),
  done: () => go.focus(),
  failed: (error) => (error ? complain(error) : failed.replaceChildren()),
});
const below = el("div.mc-below", {}, why, balance);
const formElement = el("form.mc-form", { novalidate: true, "aria-label": t("create.title") },
  el("div.mc-lead", {}, el("div", {}, el("h2", {}, t("create.title")), el("p", {}, t("create.lead"))), examples.button),
  examples.more,
  el("div.mc-zones", {}, image.zone, video.zone),
  consent,
  choices.nodes, keyBox,
  el("div.mc-submit", {}, failed, go, below));
element.replaceChildren(formElement);

// ---- what the form amounts to ------------------------------------------------------------------------------------
const ready = (zone) => zone.pick && !zone.pick.busy && !zone.pick.failed;
const tooLongFacingImage = () => {
  const seconds = video.pick?.facts?.duration_seconds;
  return form.character_orientation === "image" && seconds > limits.video.image_orientation_max_seconds + limits.video.tolerance_seconds;
};
const price = () => video.pick?.prices?.[form.quality] ?? null;
const tooDear = () => live && price() !== null && credits !== null && credits < price().credits;
const tooFew = () => t("why.credits", { left: kit.creditsLeft(credits ?? 0) });
const reason = () => {
  const [pictureGiven, videoGiven] = [image.pick, video.pick];
  if (sending) return t("why.sending");
  if (pictureGiven?.busy || videoGiven?.busy) return t("why.busy");
  if (!ready(image) && !ready(video)) return t("why.both");
  if (!ready(image)) return t("why.image");
  if (video.pick?.long) return t("why.long");
  if (!ready(video)) return t("why.video");
  if (tooLongFacingImage()) return t("why.too_long", { limit: limits.video.image_orientation_max_seconds });
  if (choices.tooLong) return t("why.prompt", { over: kit.number(choices.tooLong) });
  if (choices.misplaced) return t("why.element");
  if (tooDear()) return tooFew();
  return "";
};
const facingVideo = () => {
  form.character_orientation = "video";
  choices.fill();
  refresh();
  judgeAhead();
};
// The server judges for one orientation at a time; asked now, its answer is ready when the button is pressed.
function judgeAhead() {
  if (ready(video) && video.pick.path) judgeVideo({ path: video.pick.path }).catch(() => {});
}
function refresh() {
  const cost = price();
  const stop = reason();
  goLabel.textContent = sending ? t("go.sending") : t("go.generate");
  goPrice.textContent = cost ? t("go.price", { credits: kit.credits(cost.credits, { digits: 1 }), usd: kit.money(cost.usd) }) : "";
  go.setAttribute("aria-disabled", String(Boolean(stop)));
  below.classList.toggle("stopped", Boolean(video.pick?.long) || tooLongFacingImage()); // on a phone that reason alone stands there
  why.textContent = stop || (ready(video) && video.pick.url ? t("why.link_price") : live || !keyKnown ? "" : t("why.free"));
  left.textContent = credits === null || stop === tooFew() ? "" : t("balance.left", { n: kit.creditsLeft(credits) }); // said once
  choices.draw();
  video.extra(tooLongFacingImage()
    ? [{
      text: t("problem.facing_image", { seconds: kit.number(video.pick.facts.duration_seconds, 1), limit: limits.video.image_orientation_max_seconds }),
      next: t("problem.facing_image.next"),
      actions: [{ label: t("problem.facing_image.fix"), run: facingVideo }],
    }]
    : []);
  examples.show(props.examples && !image.pick && !video.pick);
  remember();
}
function remember() {
  const keep = ({ pick }) => {
    const path = pick?.path ?? pick?.long?.path;
    return path ? { path, name: pick.name } : pick?.url ? { url: pick.url } : null;
  };
  kit.form = { ...form, image_name: image.pick?.name ?? null, video_name: video.pick?.name ?? null, image_url: image.pick?.url ?? "", video_url: video.pick?.url ?? "" };
  kit.save(kit.DRAFT_KEY, { ...form, attempt, image: keep(image), video: keep(video) });
  kit.tell("form", kit.form);
}

// ---- doing it ----------------------------------------------------------------------------------------------------
const complain = (error) => {
  const { text, next } = kit.sentence(error);
  failed.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, next ? el("span.mc-next", {}, ` ${next}`) : null,
    error.code === "insufficient_quota" && seesBalance() ? el("a", { href: topup_url, target: "_blank", rel: "noopener" }, ` ${t("balance.topup")}`) : null)));
};
// The server found the same order of this visitor, perhaps from another tab: it goes out once more only if that is said here.
function askAgain({ job_id: id, credits: cost, state }) {
  const words = t(["done", "stopped", "unknown"].includes(state) ? `same.${state}` : "same.running");
  const question = live ? t("same.ask", { credits: kit.credits(cost, { digits: 1 }) }) : t("same.ask_free");
  const yes = kit.button(t("same.again"), { look: "primary", symbol: "again", onclick: () => void order({ again: true }) });
  const show = kit.button(t("same.show"), { symbol: "play", onclick: () => { failed.replaceChildren(); kit.tell("job", { id, started: true }); } });
  const no = kit.button(t("common.cancel"), { onclick: () => { failed.replaceChildren(); go.focus(); } });
  failed.replaceChildren(el("div.mc-note.warn", {}, icon("again"), el("p", {}, `${words} `, el("strong", {}, question)), el("div.mc-row", {}, yes, show, no)));
  yes.focus();
}
async function order({ again = false } = {}) {
  if (sending) return;
  const stop = reason();
  if (stop) {
    if (!ready(image)) image.focus();
    else if (!ready(video) || tooLongFacingImage()) video.focus();
    else if (choices.tooLong) choices.focusPrompt();
    else if (choices.misplaced) choices.focusElement();
    return;
  }
  sending = true;
  attempt ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  failed.replaceChildren();
  refresh();
  // A second reading that is on its way may bring a warning, which is to be seen before anything is paid.
  const second = video.pick.reading;
  if (second && await Promise.race([second, new Promise((late) => setTimeout(late, READING_PATIENCE_MS, false))])) {
    sending = false;
    refresh();
    return;
  }
  const file = (pick) => (pick.path ? { path: pick.path, orig_name: pick.name } : null);
  try {
    const { job } = await kit.ask("order", {
      ...form, attempt, again, own_key: keyKnown ? kit.ownKey : null, image: file(image.pick), video: file(video.pick), image_url: image.pick.url ?? "", video_url: video.pick.url ?? "",
    }, image.pick.url || video.pick.url ? LINK_PATIENCE_MS : ORDER_PATIENCE_MS);
    attempt = null;
    kit.tell("job", { id: job.id, view: job, started: true });
  } catch (error) {
    // The same attempt goes out again after a cut, so that a second press cannot become a second order.
    if (error.code !== "no_connection") attempt = null;
    if (error.code === "key_changed") void askKey();
    if (error.code === "same_order_running") askAgain(error.about);
    else complain(error);
  } finally {
    sending = false;
    refresh();
    void askBalance();
  }
}
async function askBalance() {
  if (!seesBalance()) { balance.hidden = true; credits = null; refresh(); return; }
  try {
    const answer = await kit.ask("balance");
    credits = answer.remaining;
    balance.hidden = credits === null;
  } catch {
    credits = null; // not knowing the balance stops nobody; the order itself will say what is wrong
    balance.hidden = true;
  }
  refresh();
}

formElement.addEventListener("submit", (event) => { event.preventDefault(); void order(); });
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); void order(); }
});
// Each file goes to the zone that takes its kind; other: the zone for what no zone takes.
function receive(files, other = null) {
  const taken = new Map();
  for (const file of files) {
    const zone = [image, video].find((drop) => drop.takes(file.name)) ?? other;
    if (zone && !taken.has(zone)) taken.set(zone, file);
  }
  for (const [zone, file] of taken) void zone.take(file);
  return taken.size > 0;
}
document.addEventListener("paste", (event) => {
  if (element.isConnected && element.offsetParent && receive(event.clipboardData?.files ?? [])) event.preventDefault();
});
// Dropped anywhere: a browser that is left alone with a file leaves the page to show it.
for (const name of ["dragover", "drop"]) {
  document.addEventListener(name, (event) => {
    if (!element.isConnected || !carriesFiles(event)) return;
    event.preventDefault();
    if (name === "dragover") return;
    if (!element.offsetParent) kit.openTab("create");
    receive(event.dataTransfer.files, video.zone.contains(event.target) ? video : image);
  });
}
// An old order again: its form at once, its files as soon as the server has put them out.
kit.hear("reuse", async ({ id, request }) => {
  fill({ request });
  try {
    const again = await kit.ask("reuse", { id });
    fill(again);
  } catch (error) {
    complain(error);
  }
});
function fill({ request, image: picture, video: motion }) {
  Object.assign(form, fitting(request));
  choices.fill();
  takeBack(picture, motion);
  refresh();
  formElement.scrollIntoView({ block: "start" });
}

function takeBack(picture, motion) {
  for (const [zone, known] of [[image, picture], [video, motion]]) {
    if (known?.url) zone.link(known.url);
    else if (known) void zone.restore(known);
  }
}

takeBack(draft.image, draft.video);
choices.fill();
drawKey();
refresh();
void askKey();
