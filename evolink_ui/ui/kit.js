// Shared by every part of the page: DOM building, words, numbers, and requests that always end.
// Data reaches the page as text nodes and properties only; nothing here parses HTML.
// It comes with the head of the page; a part that is there earlier waits for it (see parts.py).
window.evolinkKit ??= (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const DRAFT_KEY = "evolink-ui.draft";
  const JOB_KEY = "evolink-ui.job";
  const KEY_KEY = "evolink-ui.key-changed";
  const words = props.words;

  const place = (node, children) => {
    for (const child of children.flat(Infinity)) {
      if (child !== null && child !== undefined && child !== false) node.append(child);
    }
    return node;
  };

  // el("button.primary", {type: "button", onclick}, "Text"): classes after dots; on* are listeners; false and null are left out.
  const el = (spec, attributes = {}, ...children) => {
    const [tag, ...classes] = spec.split(".");
    const node = document.createElement(tag);
    if (classes.length) node.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else node.setAttribute(name, value === true ? "" : value);
    }
    return place(node, children);
  };

  const ICONS = {
    check: "M5 12.5l4.2 4.2L19 7",
    close: "M6 6l12 12M18 6L6 18",
    copy: "M9 9h10v11H9zM5 15V4h10",
    download: "M12 4v11m0 0l-4.5-4.5M12 15l4.5-4.5M5 20h14",
    warn: "M12 4l9 16H3zM12 10v4M12 17v.2",
    stop: "M7 7h10v10H7z",
    again: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
    edit: "M5 19l1-4L16 5l3 3L9 18z",
    compare: "M4 5h7v14H4zM13 5h7v14h-7z",
    bell: "M6 17h12l-1.5-2.5V10a4.5 4.5 0 0 0-9 0v4.5zM10.5 20h3",
    link: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7L12 17",
    trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    play: "M8 5l11 7-11 7z",
    search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
    upload: "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 19h14",
    person: "M12 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM5 20c.6-4 3.4-6 7-6s6.400 2 7 6",
    film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.700h4M4 14.300h4M16 9.700h4M16 14.300h4",
    key: "M15 4a5 5 0 1 0-4.600 7L4 17.500V20h3v-2h2v-2h2l1.500-1.500A5 5 0 0 0 15 4zM16.200 7.800v.2",
    cut: "M6 4v16M18 4v16M6 12h12M9.500 9L6 12l3.500 3M14.500 9l3.500 3-3.500 3",
    code: "M9 7l-5 5 5 5M15 7l5 5-5 5",
  };
  const shape = (tag, attributes) => {
    const node = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const icon = (name) => {
    const svg = shape("svg", { viewBox: "0 0 24 24", class: "mc-icon", "aria-hidden": "true", focusable: "false" });
    svg.append(shape("path", { d: ICONS[name] }));
    return svg;
  };

  // t("create.price", {credits: "65.3"}): the page's words by code; an unknown code shows itself.
  const t = (code, values = {}) =>
    (words[code] ?? code).replace(/\{(\w+)\}/g, (hole, name) => (name in values ? String(values[name]) : hole));
  const known = (code) => code in words;

  // The visitor's own kind of the page's language: British dates for the British, but no German commas in English words.
  // Gradio calls the page German for a German browser, and a screen reader would then read our English as German.
  const { language } = props;
  document.documentElement.lang = language;
  const region = (navigator.languages ?? []).find((name) => name.split("-")[0] === language) ?? language;
  const number = (value, digits = 0, most = digits) =>
    new Intl.NumberFormat(region, { minimumFractionDigits: digits, maximumFractionDigits: most }).format(value);
  // What something costs is rounded up, what is left is rounded down: nobody is charged more than was shown.
  const upwards = (value, digits) => Math.ceil(value * 10 ** digits - 1e-6) / 10 ** digits;
  const credits = (cost, { digits = 0, most = 1 } = {}) => number(upwards(cost, most), digits, most);
  const creditsLeft = (left) => number(Math.floor(left * 10 + 1e-6) / 10, 0, 1);
  const money = (usd, digits = 2) =>
    new Intl.NumberFormat(region, { style: "currency", currency: "USD", minimumFractionDigits: 2, maximumFractionDigits: digits }).format(upwards(usd, digits));
  const clock = (seconds) => {
    const whole = Math.max(0, Math.round(seconds));
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
    const tail = String(whole % 60).padStart(2, "0");
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
  };
  const bytes = (size) =>
    size < 1e6 ? t("unit.kb", { n: number(Math.max(1, size / 1e3)) }) : t("unit.mb", { n: number(size / 1e6, 1) });
  const date = (iso) => {
    const moment = new Date(iso);
    return Number.isNaN(moment.getTime())
      ? ""
      : new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" }).format(moment);
  };

  // What a failed request throws: code and, where the server said them, message and next step.
  const failure = (code, message = "", next_step = "") => Object.assign(new Error(code), { code, message, next_step });
  const url = (path) => new URL(path, document.baseURI).href;
  const json = async (path, { method = "GET", body, milliseconds = 8000 } = {}) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), milliseconds);
    try {
      const answer = await fetch(url(path), {
        method,
        signal: abort.signal,
        cache: "no-store",
        headers: body === undefined ? {} : { "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      const data = await answer.json().catch(() => ({}));
      if (answer.ok) return data;
      const error = data.error ?? (answer.status === 429 ? { code: "too_many_requests" } : {});
      throw Object.assign(failure(error.code ?? "request_failed", error.message, error.next_step), { status: answer.status });
    } catch (error) {
      throw error.code && typeof error.code === "string" ? error : failure("no_connection");
    } finally {
      clearTimeout(timer);
    }
  };
  // Asks one of the page's functions on the server: always ends, and throws what the server calls an error.
  const ask = async (name, value = {}, milliseconds = 20000) => {
    const answer = await json(`gradio_api/run/page_${name}`, { method: "POST", body: { data: [value] }, milliseconds });
    const data = answer.data?.[0];
    if (!data || typeof data !== "object") throw failure("request_failed");
    if (data.error) throw Object.assign(failure(data.error.code, data.error.message, data.error.next_step), { about: data.error });
    return data;
  };
  // One sentence about an error: our words where the code is known, else what the server said.
  const sentence = (error) => {
    const text = known(`error.${error.code}`) ? t(`error.${error.code}`) : error.message || t("error.request_failed");
    const next = known(`next.${error.code}`) ? t(`next.${error.code}`) : error.next_step || "";
    return { text, next };
  };
  // What went wrong with something that may cost money: what happened, whether it was charged (said once), what to do.
  const CHARGE_ONLY = /\s*Nothing was (?:ordered (?:and nothing was |or ))?charged\./g;
  // Addresses at EvoLink can be pressed; any other stays text.
  const linked = (text) => text.split(/(https:\/\/evolink\.ai(?:\/[\w-]+)*)/).map((piece, index) =>
    (index % 2 ? el("a", { href: piece, target: "_blank", rel: "noopener" }, piece.replace("https://", "")) : piece));
  const trouble = (error, { advice = true } = {}) => {
    const { text, next: step } = sentence(error);
    const next = advice ? step : "";
    const plain = error.charged === "no" ? text.replace(CHARGE_ONLY, "").trim() : text;
    return [
      plain && el("p.mc-strong", {}, plain),
      el("p", {}, el("strong", {}, t(`charged.${error.charged}`)), " ", linked(next.replace(error.charged === "no" ? CHARGE_ONLY : /$^/, "").trim())),
    ].filter(Boolean);
  };

  const copy = async (text, button) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = el("textarea", { readonly: true, style: "position:fixed;opacity:0" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const label = button.querySelector(".mc-label") ?? button;
    button.dataset.label ??= label.textContent;
    label.textContent = t("common.copied");
    setTimeout(() => { label.textContent = button.dataset.label; }, 1600);
  };
  const button = (label, { look = "quiet", symbol = null, ...attributes } = {}) =>
    el(`button.mc-button.${look}`, { type: "button", ...attributes }, symbol && icon(symbol), el("span.mc-label", {}, label));

  const load = (key, fallback) => {
    try {
      return JSON.parse(localStorage.getItem(key)) ?? fallback;
    } catch {
      return fallback;
    }
  };
  // A full or forbidden storage only costs the memory of the draft; the page itself goes on.
  const save = (key, value) => {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch {
      return false;
    }
  };

  // Messages between the tabs of the page: "job" {id}, "fill" {request, image, video}, "form" {…}.
  const tell = (name, detail) => window.dispatchEvent(new CustomEvent(`evolink:${name}`, { detail }));
  const hear = (name, listener) => window.addEventListener(`evolink:${name}`, (event) => listener(event.detail));
  const openTab = (name) => {
    const label = t(`tab.${name}`);
    [...document.querySelectorAll('button[role="tab"]')].find((tab) => tab.textContent.trim() === label)?.click();
  };

  return {
    DRAFT_KEY, JOB_KEY, KEY_KEY, el, shape, icon, t, known, number, money, clock, bytes, date, failure, json, ask, url, sentence, trouble,
    credits, creditsLeft, copy, button, load, save, tell, hear, openTab, form: null, ownKey: false, isOwner: false,
  };
})();
window.dispatchEvent(new Event("evolink:kit"));
