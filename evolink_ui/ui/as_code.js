// The order on the Create tab, as code. The key is always a placeholder: the page does not know it.
const KINDS = ["curl", "python", "gradio_client", "request", "task"];
let current = "curl";
let texts = {};
let turn = 0;

const tabs = el("div.mc-chips", { role: "group", "aria-label": t("code.kinds") }, ...KINDS.map((kind) =>
  el("button.mc-chip", { type: "button", "data-kind": kind, "aria-pressed": String(kind === current), onclick: () => choose(kind) }, t(`code.${kind}`))));
const code = el("code");
const pre = el("pre.mc-code", { tabindex: "0", "aria-label": t("tab.code") }, code);
const copy = kit.button(t("common.copy"), { symbol: "copy", onclick: (event) => void kit.copy(code.textContent, event.currentTarget) });
const hint = el("p.mc-small");
element.replaceChildren(el("section.mc-form", { "aria-label": t("tab.code") },
  el("div", {}, el("h2", {}, t("tab.code")), el("p.mc-hint", {}, t("code.lead"))), tabs,
  el("div.mc-codebox", {}, pre, copy), hint));

function draw() {
  for (const chip of tabs.children) chip.setAttribute("aria-pressed", String(chip.dataset.kind === current));
  const missing = current === "task" && !texts.task;
  code.textContent = missing ? t("code.no_task") : texts[current] ?? "";
  hint.textContent = t(`code.${current}.hint`);
  copy.hidden = missing;
}
function choose(kind) {
  current = kind;
  draw();
  if (kind === "task") void refresh();
}
async function refresh() {
  const mine = ++turn;
  const job = kit.load(kit.JOB_KEY, null);
  try {
    const answer = await kit.ask("code", { form: kit.form ?? kit.load(kit.DRAFT_KEY, {}), job_id: job, origin: new URL(".", document.baseURI).href });
    if (mine !== turn) return;
    texts = answer;
  } catch (error) {
    if (mine !== turn) return;
    texts = {};
    hint.textContent = kit.sentence(error).text;
  }
  draw();
}
draw();
kit.hear("form", () => { if (element.offsetParent) void refresh(); });
new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) void refresh(); }).observe(element);
