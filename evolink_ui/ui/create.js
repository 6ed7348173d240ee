// The form: two drop zones, the choices, the price before the click. It keeps a draft in this browser, so that what was
// typed and chosen survives errors, reloads and cuts; the files themselves stay on the server under their own names.
const { limits, rates, mode, topup_url } = props;
const ORDER_PATIENCE_MS = 20000;
const LINK_PATIENCE_MS = 150000; // links are fetched and judged before the order is written down

const draft = kit.load(kit.DRAFT_KEY, {});
const form = {
  prompt: draft.prompt ?? "",
  quality: draft.quality === "1080p" ? "1080p" : "720p",
  character_orientation: draft.character_orientation === "video" ? "video" : "image",
  keep_sound: draft.keep_sound !== false,
  watermark: draft.watermark === true,
  element_id: draft.element_id ?? "",
};
let attempt = draft.attempt ?? null; // names one press of Generate: sent again after a cut, it finds the first order
let sending = false;
let live = mode === "live"; // whether an order costs money: the app has a key, or this visitor gave one
let ownKey = false; // this visitor's own key pays, from a sealed cookie that no script can read
let credits = null; // what the key has left, where there is one

const judgeImage = (file) => kit.ask("judge_image", file);
const judgeVideo = (file) => kit.ask("judge_video", { ...file, character_orientation: form.character_orientation });
const facingNow = () => form.character_orientation;
const image = makeDrop({ kind: "image", facing: facingNow, limits: limits.image, judge: judgeImage, changed: () => refresh() });
const video = makeDrop({ kind: "video", facing: facingNow, limits: limits.video, judge: judgeVideo, changed: () => refresh() });

// ---- the choices -------------------------------------------------------------------------------------------------
const figure = (which) => {
  // A picture turned one way, a dancer turned the other way, and which of the two the result follows.
  const svg = kit.shape("svg", { viewBox: "0 0 132 56", class: "mc-figure", "aria-hidden": "true", focusable: "false" });
  const person = (x, turn, look) => {
    const g = kit.shape("g", { transform: `translate(${x} 28) scale(${turn} 1)`, class: look });
    g.append(
      kit.shape("circle", { cx: "1", cy: "-11", r: "5" }),
      kit.shape("path", { d: "M5 -12l4 1.500-4 1.500z", class: "nose" }),
      kit.shape("path", { d: "M0 -5v13M0 8l-5 10M0 8l6 9M0 -2l8 4M0 -2l-7 5" }));
    return g;
  };
  svg.append(
    kit.shape("rect", { x: "2", y: "5", width: "34", height: "46", rx: "6", class: "frame" }), person(19, -1, which === "image" ? "lead" : "aside"),
    kit.shape("path", { d: "M42 28h5M44.500 25.500v5", class: "sign" }),
    kit.shape("rect", { x: "53", y: "5", width: "34", height: "46", rx: "6", class: "frame" }), person(70, 1, which === "video" ? "lead" : "aside"),
    kit.shape("path", { d: "M91.500 28h6.500m-3-3l3 3-3 3", class: "sign" }),
    kit.shape("rect", { x: "102", y: "5", width: "28", height: "46", rx: "6", class: "frame result" }), person(116, which === "image" ? -1 : 1, "lead"));
  return svg;
};
const choice = (name, value, title, hint, picture) => {
  const input = el("input", { type: "radio", name: `mc-${name}`, value, checked: form[name] === value, "aria-describedby": `mc-${name}-${value}` });
  input.addEventListener("change", () => {
    form[name] = value;
    refresh();
    if (name === "character_orientation") judgeAhead();
  });
  return el("label.mc-choice", {}, input, picture, el("span.mc-choice-title", {}, title), el("span.mc-choice-hint", { id: `mc-${name}-${value}` }, hint));
};
const toggle = (name, title, hint) => {
  const input = el("input", { type: "checkbox", role: "switch", checked: form[name], "aria-describedby": hint ? `mc-${name}-hint` : null });
  input.addEventListener("change", () => { form[name] = input.checked; refresh(); });
  return el("label.mc-toggle", {}, input, el("span.mc-track"), el("span", {}, title, hint ? el("span.mc-choice-hint", { id: `mc-${name}-hint` }, hint) : null));
};
const facing = el("fieldset.mc-choices.two", {}, el("legend", {}, t("facing.title")),
  choice("character_orientation", "image", t("facing.image"), t("facing.image.hint"), figure("image")),
  choice("character_orientation", "video", t("facing.video"), t("facing.video.hint"), figure("video")));
const rate = (quality) => t("quality.rate", { credits: kit.number(rates[quality].credits, 2), usd: kit.money(rates[quality].usd) });
const quality = el("fieldset.mc-choices.two.slim", {}, el("legend", {}, t("quality.title")),
  choice("quality", "720p", t("quality.720p"), rate("720p")),
  choice("quality", "1080p", t("quality.1080p"), rate("1080p")));
const prompt = el("textarea.mc-input", { id: "mc-prompt", rows: "3", placeholder: t("prompt.example"), "aria-describedby": "mc-prompt-hint mc-prompt-count" });
prompt.value = form.prompt;
const counter = el("span.mc-count", { id: "mc-prompt-count" });
const grow = () => { prompt.style.height = "auto"; prompt.style.height = `${Math.min(prompt.scrollHeight + 2, 320)}px`; };
prompt.addEventListener("input", () => { form.prompt = prompt.value; grow(); refresh(); });
const element_id = el("input.mc-input", { id: "mc-element", type: "text", inputmode: "numeric", autocomplete: "off", spellcheck: "false", "aria-describedby": "mc-element-hint mc-element-problem" });
element_id.value = form.element_id;
element_id.addEventListener("input", () => { form.element_id = element_id.value.trim(); refresh(); });
const elementProblem = el("p.mc-field-problem", { id: "mc-element-problem", role: "status" });
const advanced = el("details.mc-advanced", { open: Boolean(form.element_id || form.watermark) },
  el("summary", {}, t("advanced.title")),
  toggle("watermark", t("watermark.title"), t("watermark.hint")),
  el("div.mc-field", {}, el("label", { for: "mc-element" }, t("element.title")), element_id,
    el("p.mc-hint", { id: "mc-element-hint" }, t("element.hint")), elementProblem));

// ---- a visitor's own key ----------------------------------------------------------------------------------------
const keyInput = el("input.mc-input", { id: "mc-key", type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": "mc-key-hint mc-key-problem" });
const keyProblem = el("p.mc-field-problem", { id: "mc-key-problem", role: "status" });
const keyGive = el("div.mc-key", {}, el("label", { for: "mc-key" }, t("key.label")),
  el("div.mc-keyrow", {}, keyInput, kit.button(t("key.use"), { onclick: () => void setKey(keyInput.value.trim()) })), keyProblem);
const keyTaken = el("div.mc-key", { hidden: true }, el("p", {}, t("key.set")), el("div.mc-row", {}, kit.button(t("key.forget"), { symbol: "close", onclick: () => void setKey("") })));
const keyBox = el("details.mc-advanced", {}, el("summary", {}, t("key.title")), keyGive, keyTaken,
  el("p.mc-hint", { id: "mc-key-hint" }, t("key.hint")));
keyInput.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); void setKey(keyInput.value.trim()); } });
const consent = el("p.mc-consent");
function drawKey() {
  live = mode === "live" || ownKey;
  keyGive.hidden = ownKey;
  keyTaken.hidden = !ownKey;
  consent.textContent = t(live ? "consent.live" : "consent.sandbox", { days: limits.keep_days });
  const name = live ? "live" : "sandbox";
  const [badge, hint] = document.querySelectorAll("#mc-head .mc-mode > span");
  badge.textContent = t(`head.${name}`);
  badge.className = `mc-badge ${name}`;
  hint.textContent = t(ownKey ? "head.own.hint" : `head.${name}.hint`);
}
async function setKey(key) {
  keyProblem.textContent = "";
  try {
    ownKey = (await kit.json("key", key ? { method: "POST", body: { key } } : { method: "DELETE" })).set;
    keyInput.value = "";
    drawKey();
    void askBalance();
  } catch (error) {
    const { text, next } = kit.sentence(error);
    keyProblem.textContent = `${text} ${next}`;
  }
}
async function askKey() {
  try {
    ownKey = (await kit.json("key")).set;
  } catch {
    ownKey = false; // the order itself will say what is wrong
  }
  if (ownKey) drawKey();
  void askBalance();
}

// ---- the button --------------------------------------------------------------------------------------------------
const goLabel = el("span.mc-label");
const goPrice = el("span.mc-price");
const go = el("button.mc-button.primary.mc-go", { type: "submit", "aria-describedby": "mc-why" }, goLabel, goPrice);
const why = el("p.mc-why", { id: "mc-why" });
const failed = el("div.mc-notes", { role: "alert" });
const balance = el("p.mc-balance", { hidden: true });
let pair = null; // the example pair, asked for as soon as somebody reaches for it: the first time it is drawn for seconds
const askExample = () => (pair ??= kit.ask("example", {}, 60000).catch((error) => { pair = null; throw error; }));
const reachFor = () => { askExample().catch(() => {}); };
const example = kit.button(t("example.button"), { symbol: "play", onclick: () => void useExample(), onpointerenter: reachFor, onfocus: reachFor });
const formElement = el("form.mc-form", { novalidate: true, "aria-label": t("create.title") },
  el("div.mc-lead", {}, el("div", {}, el("h2", {}, t("create.title")), el("p", {}, t("create.lead"))), example),
  el("div.mc-zones", {}, image.zone, video.zone),
  consent,
  facing, quality, toggle("keep_sound", t("sound.title"), t("sound.hint")),
  el("div.mc-field", {}, el("div.mc-labelrow", {}, el("label", { for: "mc-prompt" }, t("prompt.title")), counter), prompt,
    el("p.mc-hint", { id: "mc-prompt-hint" }, t("prompt.hint"))),
  advanced, keyBox,
  el("div.mc-submit", {}, failed, go, el("div.mc-below", {}, why, balance)));
element.replaceChildren(formElement);

// ---- what the form amounts to ------------------------------------------------------------------------------------
const ready = (zone) => zone.pick && !zone.pick.busy && !zone.pick.failed;
const tooLongFacingImage = () => {
  const seconds = video.pick?.facts?.duration_seconds;
  return form.character_orientation === "image" && seconds > limits.video.image_orientation_max_seconds + limits.video.tolerance_seconds;
};
const price = () => video.pick?.prices?.[form.quality] ?? null;
const reason = () => {
  const [pictureGiven, videoGiven] = [image.pick, video.pick];
  if (sending) return t("why.sending");
  if (pictureGiven?.busy || videoGiven?.busy) return t("why.busy");
  if (!ready(image) && !ready(video)) return t("why.both");
  if (!ready(image)) return t("why.image");
  if (!ready(video)) return t("why.video");
  if (tooLongFacingImage()) return t("why.too_long", { limit: limits.video.image_orientation_max_seconds });
  if (form.prompt.length > limits.prompt_max_chars) return t("why.prompt", { over: kit.number(form.prompt.length - limits.prompt_max_chars) });
  if (form.element_id && form.character_orientation !== "video") return t("why.element");
  const cost = price();
  if (live && cost && credits !== null && credits < cost.credits) return t("why.credits", { left: kit.number(credits, 0, 1) });
  return "";
};
const facingVideo = () => {
  form.character_orientation = "video";
  facing.querySelector('input[value="video"]').checked = true;
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
  goPrice.textContent = cost ? t("go.price", { credits: kit.number(cost.credits, 1), usd: kit.money(cost.usd) }) : "";
  go.setAttribute("aria-disabled", String(Boolean(stop)));
  why.textContent = stop || (ready(video) && video.pick.url ? t("why.link_price") : live ? "" : t("why.free"));
  const length = form.prompt.length;
  counter.textContent = t("prompt.count", { n: kit.number(length), most: kit.number(limits.prompt_max_chars) });
  counter.classList.toggle("bad", length > limits.prompt_max_chars);
  prompt.setAttribute("aria-invalid", String(length > limits.prompt_max_chars));
  const misplaced = Boolean(form.element_id) && form.character_orientation !== "video";
  elementProblem.textContent = misplaced ? t("element.problem") : "";
  element_id.setAttribute("aria-invalid", String(misplaced));
  video.extra(tooLongFacingImage()
    ? [{
      text: t("problem.facing_image", { seconds: kit.number(video.pick.facts.duration_seconds, 1), limit: limits.video.image_orientation_max_seconds }),
      next: t("problem.facing_image.next"),
      actions: [
        { label: t("problem.facing_image.fix"), run: facingVideo },
        video.pick.path ? { label: t("mend.cut", { limit: limits.video.image_orientation_max_seconds }), run: () => void video.mend() } : null,
      ].filter(Boolean),
    }]
    : []);
  example.hidden = Boolean(image.pick || video.pick);
  remember();
}
function remember() {
  const keep = (zone) => (zone.pick?.path ? { path: zone.pick.path, name: zone.pick.name } : null);
  kit.form = { ...form, image_name: image.pick?.name ?? null, video_name: video.pick?.name ?? null, image_url: image.pick?.url ?? null, video_url: video.pick?.url ?? null };
  kit.save(kit.DRAFT_KEY, { ...form, attempt, image: keep(image), video: keep(video) });
  kit.tell("form", kit.form);
}

// ---- doing it ----------------------------------------------------------------------------------------------------
const complain = (error) => {
  const { text, next } = kit.sentence(error);
  failed.replaceChildren(el("div.mc-note.bad", {}, icon("warn"), el("p", {}, text, next ? el("span.mc-next", {}, ` ${next}`) : null,
    error.code === "insufficient_quota" && topup_url ? el("a", { href: topup_url, target: "_blank", rel: "noopener" }, ` ${t("balance.topup")}`) : null)));
};
async function order() {
  const stop = reason();
  if (stop) {
    if (!ready(image)) image.focus();
    else if (!ready(video) || tooLongFacingImage()) video.focus();
    else if (form.prompt.length > limits.prompt_max_chars) prompt.focus();
    else if (form.element_id && form.character_orientation !== "video") { advanced.open = true; element_id.focus(); }
    return;
  }
  sending = true;
  attempt ??= crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  failed.replaceChildren();
  refresh();
  const file = (pick) => (pick.path ? { path: pick.path, orig_name: pick.name } : null);
  try {
    const { job } = await kit.ask("order", {
      ...form, attempt, image: file(image.pick), video: file(video.pick), image_url: image.pick.url ?? "", video_url: video.pick.url ?? "",
    }, image.pick.url || video.pick.url ? LINK_PATIENCE_MS : ORDER_PATIENCE_MS);
    attempt = null;
    kit.tell("job", { id: job.id, view: job, started: true });
  } catch (error) {
    // The same attempt goes out again after a cut, so that a second press cannot become a second order.
    if (error.code !== "no_connection") attempt = null;
    complain(error);
  } finally {
    sending = false;
    refresh();
    void askBalance();
  }
}
async function useExample() {
  const label = example.querySelector(".mc-label");
  example.setAttribute("aria-busy", "true");
  label.textContent = t("example.busy");
  failed.replaceChildren();
  try {
    const files = await askExample();
    await Promise.all([image.restore(files.image), video.restore(files.video)]);
    go.focus();
  } catch (error) {
    complain(error);
  } finally {
    example.removeAttribute("aria-busy");
    label.textContent = t("example.button");
  }
}
async function askBalance() {
  if (!live) { balance.hidden = true; credits = null; refresh(); return; }
  try {
    const answer = await kit.ask("balance");
    credits = answer.remaining;
    balance.hidden = credits === null;
    balance.replaceChildren(credits === null ? "" : t("balance.left", { n: kit.number(credits, 0, 1) }), " ",
      el("a", { href: topup_url, target: "_blank", rel: "noopener" }, t("balance.topup")));
  } catch {
    credits = null; // not knowing the balance stops nobody; the order itself will say what is wrong
    balance.hidden = true;
  }
  refresh();
}

formElement.addEventListener("submit", (event) => { event.preventDefault(); if (!sending) void order(); });
element.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); if (!sending) void order(); }
});
document.addEventListener("paste", (event) => {
  if (!element.isConnected || !element.offsetParent) return;
  for (const file of event.clipboardData?.files ?? []) {
    const zone = [image, video].find((drop) => drop.takes(file.name));
    if (zone) { event.preventDefault(); void zone.take(file); }
  }
});
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
  Object.assign(form, {
    prompt: request.prompt ?? "", quality: request.quality, character_orientation: request.character_orientation,
    keep_sound: request.keep_sound, watermark: request.watermark, element_id: request.element_id ?? "",
  });
  prompt.value = form.prompt;
  element_id.value = form.element_id;
  for (const input of formElement.querySelectorAll("input[type=radio]")) input.checked = form[input.name.slice(3)] === input.value;
  const [sound, mark] = formElement.querySelectorAll("input[role=switch]");
  sound.checked = form.keep_sound;
  mark.checked = form.watermark;
  if (picture) void image.restore(picture);
  if (motion) void video.restore(motion);
  advanced.open = Boolean(form.element_id || form.watermark);
  grow();
  refresh();
  formElement.scrollIntoView({ block: "start" });
}

if (draft.image) void image.restore(draft.image);
if (draft.video) void video.restore(draft.video);
drawKey();
refresh();
grow();
void askKey();
