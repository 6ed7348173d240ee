// A field for a visitor's own EvoLink key. It is posted once and lives on in a sealed cookie that no script can read; the
// page only knows whether there is one (kit.ownKey), and tells all its parts when that changes ("key"), with what the server
// found out about it: checked, remaining (credits).
const TRIAL_MS = 10000; // the server has EvoLink asked what the key may spend
async function sendKey(key) {
  const answer = await kit.json("key", key ? { method: "POST", body: { key }, milliseconds: TRIAL_MS } : { method: "DELETE" });
  kit.ownKey = answer.set;
  kit.tell("key", answer);
  kit.save(kit.KEY_KEY, Date.now()); // other tabs of this browser share the cookie
}
// given: what happens once the server took the key. hint: the id of what explains the field, where that is shown already.
function makeKeyField({ id, label, given, hint = "" }) {
  const input = el("input.mc-input", { id, type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": `${hint} ${id}-problem`.trim() });
  const problem = el("p.mc-field-problem", { id: `${id}-problem`, role: "status" });
  let busy = false;
  async function give() {
    const key = input.value.trim();
    if (!key || busy) { input.focus(); return; }
    busy = true;
    problem.textContent = t("key.trying");
    try {
      await sendKey(key);
      input.value = "";
      problem.textContent = "";
      given();
    } catch (error) {
      const { text, next } = kit.sentence(error);
      problem.textContent = `${text} ${next}`;
    } finally {
      busy = false;
    }
  }
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); void give(); } });
  return {
    node: el("div.mc-key", {}, el("label", { for: id }, t("key.label")),
      el("div.mc-keyrow", {}, input, kit.button(label, { look: "primary", onclick: () => void give() })), problem),
    focus() { input.focus(); },
  };
}
