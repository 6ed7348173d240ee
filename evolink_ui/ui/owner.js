// The owner's page: asks the server for one state every ten seconds and draws it. Data reaches the page as text only.
(() => {
  const root = document.getElementById("owner");
  const words = JSON.parse(root.dataset.words);
  const EVERY_MS = 10000;
  const TIMEOUT_MS = 20000;

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", paint);
  paint();

  const t = (code, values = {}) => (words[code] ?? code).replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));
  const el = (spec, attributes = {}, ...children) => {
    const [tag, ...classes] = spec.split(".");
    const node = document.createElement(tag);
    node.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
    return node;
  };
  const number = (value, most = 1) => new Intl.NumberFormat("en", { maximumFractionDigits: most }).format(value);
  const time = (iso) => (iso ? new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso)) : "");
  const who = (name) => {
    const tail = name.slice(-4);
    if (name.startsWith("user_")) return name.slice(5);
    return name.startsWith("guest_") ? t("who.guest", { n: tail }) : t("who.visitor", { n: tail });
  };

  const request = async (path, body) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const answer = await fetch(new URL(`admin/${path}`, document.baseURI), { cache: "no-store", signal: abort.signal, ...(body ? post : {}) });
      const data = await answer.json().catch(() => ({}));
      if (!answer.ok) throw Object.assign(new Error(), { said: data.error ? `${data.error.message} ${data.error.next_step}` : t("failed") });
      return data;
    } catch (error) {
      throw error.said ? error : Object.assign(new Error(), { said: t("offline") });
    } finally {
      clearTimeout(timer);
    }
  };

  // A button that does something and then draws the new state; one that costs something asks in its own place first.
  const button = (text, work, { sure = "", kind = "" } = {}) => {
    const node = el(`button.mc-button.small${kind ? `.${kind}` : ""}`, { type: "button" }, text);
    node.addEventListener("click", async () => {
      if (sure && !node.classList.contains("sure")) {
        node.classList.add("sure");
        node.textContent = sure;
        return;
      }
      node.setAttribute("aria-busy", "true");
      node.disabled = true;
      try {
        await work();
        said = "";
        if (unlisted.length) await list_tasks();
      } catch (error) {
        said = error.said;
      }
      await look();
    });
    return node;
  };
  const act = (job, action, body = {}) => request(`jobs/${encodeURIComponent(job.id)}/${action}`, body);

  const amount = (job) => job.credits.used ?? job.credits.reserved ?? job.credits.estimated;
  const line = (job) => el("div.ow-line", {},
    el(`span.ow-state.${job.state}`, {}, t(`state.${job.state}`), job.progress && job.state === "running" ? ` ${job.progress} %` : ""),
    el("strong", {}, who(job.visitor)),
    el("span", {}, time(job.ordered_at ?? job.created_at)),
    job.mode === "sandbox" ? el("span", {}, t("mode.sandbox")) : amount(job) && el("span", {}, t("credits", { n: number(amount(job)) })),
    job.payer === "visitor" && el("span", {}, t("own_key")));
  const why = (job) => [
    job.error && el("p.ow-why", {}, el("strong", {}, t(`charged.${job.error.charged}`)), ". ", job.error.message, " ", job.error.next_step),
    !job.error && job.notice && el("p.ow-why", {}, job.notice),
    el("p.ow-id.ow-wide", {}, job.task_id ?? job.id),
  ];
  const entry = (job, extra = []) => el("li", {}, line(job),
    el("div.ow-do", {}, job.actions.filter((name) => name === "stop" || name === "retry").map((name) =>
      button(t(`action.${name}`), () => act(job, name), { sure: name === "stop" && job.task_id ? t("action.stop.sure") : "" }))),
    why(job), extra);

  const settle = (job) => {
    if (job.payer === "visitor") return [el("p.ow-why", {}, t("doubts.visitor"))];
    const field = el("input.mc-input", { "aria-label": t("doubts.task"), placeholder: t("doubts.task"), autocomplete: "off", spellcheck: "false", maxlength: 200 });
    field.value = typed.get(job.id) ?? "";
    field.addEventListener("input", () => typed.set(job.id, field.value));
    const found = job.candidates.map((task) => el("li", {},
      el("span.mc-small", {}, el("span.ow-id", {}, task.task_id), " ", [time(task.created_at), task.seconds && t("seconds", { n: number(task.seconds) }), task.credits && t("credits", { n: number(task.credits) })].filter(Boolean).join(" · ")),
      button(t("doubts.pick"), () => act(job, "attach", { task_id: task.task_id }), { kind: "primary" })));
    return [
      found.length > 0 && el("div.ow-wide", {}, el("p.ow-why", {}, t("doubts.candidates")), el("ul.ow-found", {}, found)),
      el("div.ow-settle.ow-wide", {}, field,
        button(t("doubts.attach"), () => act(job, "attach", { task_id: field.value })),
        button(t("doubts.send"), () => act(job, "send_again"), { sure: t("doubts.send.sure") }),
        button(t("doubts.give_up"), () => act(job, "give_up"), { sure: t("doubts.give_up.sure") })),
    ];
  };

  const tile = (title, value, below = "", kind = "") => el(`div.ow-tile${kind ? `.${kind}` : ""}`, {}, el("span.mc-small", {}, title), el("b", {}, value), below);
  const card = (title, content, { lead = "", kind = "", label } = {}) =>
    el(`section.ow-card${kind ? `.${kind}` : ""}`, { "aria-label": label ?? title }, el("h2", {}, title), lead && el("p.mc-small", {}, lead), content);
  const list = (items, none) => (items.length ? el("ul.ow-list", {}, items) : el("p.mc-small", {}, none));

  const health = (state) => {
    const { problems = [], late = [], lag = 0 } = state.health;
    return [
      problems.length > 0 && el("p", {}, t("health.problems", { names: problems.join(", ") })),
      late.length > 0 && el("p", {}, t("health.late", { names: late.join(", ") })),
      lag > 60 && el("p", {}, t("health.lag", { n: number(lag, 0) })),
      (problems.length > 0 || state.disk_low) && el("p", {}, t("health.disk", { n: number(state.disk_free_bytes / 1e9) })),
    ].filter(Boolean);
  };

  let state = null, unlisted = [], said = "", at = "";
  const typed = new Map();
  const draw = () => {
    const ill = state ? health(state) : [];
    const spent = state ? state.spending.days.reduce((sum, day) => sum + day.owners_key, 0) : 0;
    const cap = state?.daily_credits;
    const within = cap ? [el("span.mc-small", {}, t("tile.of", { cap: number(cap) })), el("progress.ow-meter", { max: cap, value: Math.min(spent, cap), "aria-label": t("tile.spent") })] : el("span.mc-small", {}, t("tile.credits"));
    root.replaceChildren(
      el("div.ow-top", {}, el("h1", {}, t("title")), el("div.mc-row", {},
        at && el("span.mc-small", {}, t("updated", { time: at })), button(t("refresh"), async () => {}), el("a.mc-button.small", { href: "./" }, t("back")))),
      ...(said ? [el("p.ow-said", { role: "alert" }, said)] : []),
      ...(state ? [
        el("div.ow-tiles", {},
          tile(t("tile.working"), number(state.working)),
          tile(t("tile.doubt"), number(state.in_doubt), "", state.in_doubt ? "warn" : ""),
          tile(t("tile.spent"), number(spent), within, cap && spent > 0.9 * cap ? "warn" : ""),
          tile(t("tile.health"), t(state.health.ok ? "health.ok" : "health.bad"), "", `word.${state.health.ok ? "good" : "bad"}`)),
        ...(ill.length ? [el(`section.ow-card.${state.health.ok ? "warn" : "bad"}`, { role: "status" }, ill)] : []),
        ...(unlisted.length ? [card(unlisted.length === 1 ? t("tasks.one") : t("tasks.many", { n: unlisted.length }), [
          el("ul.ow-found", {}, unlisted.map((task) => el("li", {}, el("span.ow-id", {}, task.task_id), el("span.mc-small", {}, [time(task.created_at), task.status].filter(Boolean).join(" · "))))),
          el("div", {}, button(t(unlisted.length === 1 ? "tasks.add" : "tasks.add.all"), add, { kind: "primary" }))], { lead: t("tasks.lead") })] : []),
        card(t("doubts"), list(state.doubts.map((job) => entry({ ...job, actions: [] }, settle(job))), t("doubts.none")), state.doubts.length ? { lead: t("doubts.lead"), kind: "warn" } : {}),
        card(t("running"), list(state.running.map((job) => entry(job)), t("running.none")), { label: t("running") }),
        card(t("trouble"), list(state.trouble.map((job) => entry(job)), t("trouble.none"))),
        card(t("spent"), list(state.spending.people.map((row) => el("li", {},
          el("div.ow-line", {}, el("strong", {}, who(row.visitor)), el("span.mc-small", {}, row.posts === 1 ? t("spent.orders.one") : t("spent.orders", { n: row.posts })),
            row.visitors_keys > 0 && el("span.mc-small", {}, t("spent.own", { n: number(row.visitors_keys) }))),
          el("div.ow-do", {}, t("credits", { n: number(row.owners_key) })))), t("spent.none"))),
      ] : []));
  };

  const add = async () => {
    await list_tasks(); // some may have found their job meanwhile
    const failed = [];
    for (const task of unlisted) await request(`tasks/${encodeURIComponent(task.task_id)}`, {}).catch((error) => failed.push(error));
    await list_tasks();
    if (failed.length) throw failed[0];
  };
  const list_tasks = async () => {
    unlisted = (await request("tasks").catch(() => ({ tasks: [] }))).tasks;
  };
  // Nothing is drawn anew under somebody's hands: while a field or an asking button is in use, the page waits.
  const in_use = () => root.querySelector(".mc-button.sure") || root.querySelector("input:focus");
  let timer = 0;
  const look = async ({ gently = false } = {}) => {
    clearTimeout(timer);
    if (!(gently && (in_use() || document.hidden))) {
      try {
        state = await request("state");
        at = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(new Date());
        if (said === t("offline")) said = "";
      } catch (error) {
        said ||= error.said;
      }
      draw();
    }
    clearTimeout(timer);
    timer = setTimeout(() => look({ gently: true }), EVERY_MS);
  };
  look().then(list_tasks).then(() => unlisted.length && draw());
})();
