// One drop zone: drop, click, paste, keyboard or a link; looks at the file before a byte is sent, then sends the
// original bytes and asks the server for its judgement. A pick is {name, size, path, facts, poster, prices} or {url}.
const UPLOAD_PATIENCE_MS = 15 * 60 * 1000;
const PREVIEW_PATIENCE_MS = 6000; // a browser that cannot decode a file may stay silent about it

const MENDING_LOOK_MS = 500;
const MENDABLE_BYTES = 100 * 1000 * 1000; // more is not taken in, so nothing larger can be mended

function makeDrop({ kind, limits, judge, changed, facing }) {
  const accepted = kind === "image" ? [".jpg", ".jpeg", ".png"] : [".mp4", ".mov"];
  const convertible = kind === "image"
    ? [".heic", ".heif", ".webp", ".gif", ".bmp", ".tif", ".tiff"]
    : [".webm", ".mkv", ".avi", ".m4v", ".wmv", ".flv", ".mpg", ".mpeg", ".ogv"];
  const id = `mc-${kind}`;
  let pick = null;
  let upload = null; // the XMLHttpRequest under way
  let turn = 0; // a newer file makes every answer about an older one void
  let preview = null; // the object URL on show

  const input = el("input.mc-file", { type: "file", id: `${id}-input`, accept: [...accepted, ...convertible].join(","), "aria-label": t(`drop.${kind}.title`), "aria-describedby": `${id}-limits ${id}-note` });
  const target = el("label.mc-drop", { for: `${id}-input` },
    el("span.mc-drop-icon", {}, icon(kind === "image" ? "person" : "film")),
    el("span.mc-drop-title", {}, t(`drop.${kind}.title`)),
    el("span.mc-drop-how", {}, t("drop.how")),
    el("span.mc-drop-limits", { id: `${id}-limits` }, t(`drop.${kind}.limits`)));
  const media = el("div.mc-media");
  const bar = el("span");
  const meter = el("div.mc-meter", { role: "progressbar", "aria-label": t(`drop.${kind}.sending`), "aria-valuemin": "0", "aria-valuemax": "100", hidden: true }, bar);
  const facts = el("p.mc-facts");
  const note = el("div.mc-notes", { id: `${id}-note`, role: "status", "aria-live": "polite" });
  const replace = el("label.mc-button.quiet", { for: `${id}-input` }, icon("upload"), t("drop.replace"));
  const remove = kit.button(t("drop.remove"), { symbol: "close", onclick: () => { clear(); input.focus(); } });
  const shown = el("div.mc-shown", { hidden: true }, media, meter, facts, el("div.mc-row", {}, replace, remove));
  const linkInput = el("input.mc-input", { type: "url", id: `${id}-link`, inputmode: "url", placeholder: "https://", autocomplete: "off", spellcheck: "false" });
  const linkBox = el("details.mc-linkbox", {},
    el("summary", {}, t("drop.link")),
    el("label.mc-small", { for: `${id}-link` }, t(`drop.${kind}.link`)), linkInput);
  const zone = el("section.mc-zone", { "aria-label": t(`drop.${kind}.title`), "data-kind": kind }, input, target, shown, note, linkBox);

  const say = (list) => {
    note.replaceChildren(...list.map(({ level, text, next, actions = [] }) =>
      el(`div.mc-note.${level}`, {},
        icon(level === "good" ? "check" : level === "busy" ? "again" : "warn"),
        el("p", {}, el("span.mc-sr", {}, level === "bad" ? t("level.problem") : level === "warn" ? t("level.warning") : ""), text, next ? el("span.mc-next", {}, ` ${next}`) : null),
        actions.length ? el("div.mc-row", {}, ...actions.map((action) => kit.button(action.label, { look: "small", onclick: action.run }))) : null)));
    zone.classList.toggle("bad", list.some((item) => item.level === "bad"));
    input.setAttribute("aria-invalid", String(list.some((item) => item.level === "bad")));
  };
  const problem = (code, values = {}, mendable = null) => ({
    level: "bad", text: t(`problem.${code}`, values), next: t(`problem.${code}.next`, values),
    actions: mendable && mendable.size <= MENDABLE_BYTES ? [{ label: t("mend.button"), run: () => void sendAndMend(mendable) }] : [],
  });

  const forget = () => {
    turn += 1;
    upload?.abort();
    upload = null;
    if (preview) URL.revokeObjectURL(preview);
    preview = null;
  };
  function clear() {
    forget();
    pick = null;
    input.value = "";
    media.replaceChildren();
    facts.textContent = "";
    meter.hidden = true;
    shown.hidden = true;
    target.hidden = false;
    say([]);
    changed();
  }
  const refuse = (...problems) => {
    forget();
    pick = null;
    input.value = "";
    media.replaceChildren();
    shown.hidden = true;
    target.hidden = false;
    say(problems);
    changed();
  };

  // Shows the file from this computer; resolves to what the browser can tell, or null if it cannot decode it.
  const look = (file) => new Promise((resolve) => {
    preview = URL.createObjectURL(file);
    const timer = setTimeout(() => resolve(null), PREVIEW_PATIENCE_MS);
    const done = (value) => { clearTimeout(timer); resolve(value); };
    if (kind === "image") {
      const image = el("img", { alt: t("drop.image.alt") });
      image.onload = () => done({ width: image.naturalWidth, height: image.naturalHeight });
      image.onerror = () => done(null);
      image.src = preview;
      media.replaceChildren(image);
    } else {
      const video = el("video", { muted: true, loop: true, playsinline: true, controls: true, preload: "auto", "aria-label": t("drop.video.alt") });
      video.muted = true;
      video.onloadedmetadata = () => done(video.videoWidth ? { width: video.videoWidth, height: video.videoHeight, seconds: video.duration } : null);
      video.onerror = () => done(null);
      video.src = preview;
      media.replaceChildren(video);
    }
  });
  const obvious = (file) => {
    const ends = (endings) => endings.some((ending) => file.name.toLowerCase().endsWith(ending));
    if (!ends(accepted)) return problem(`${kind}_type`, { name: file.name }, ends(convertible) ? file : null);
    if (file.size === 0) return problem("empty");
    if (file.size > limits.max_bytes) return problem("too_big", { size: kit.bytes(file.size), limit: kit.bytes(limits.max_bytes) }, kind === "image" ? file : null);
    return null;
  };
  const measured = (seen, file) => {
    if (!seen) return null;
    if (kind === "video" && Number.isFinite(seen.seconds)) {
      // A tenth of a second of doubt is left to the server, which counts frames.
      if (seen.seconds < limits.min_seconds - 0.1) return problem("too_short", { seconds: kit.number(seen.seconds, 1), limit: limits.min_seconds });
      if (seen.seconds > limits.max_seconds + 0.6) return problem("too_long", { seconds: kit.number(seen.seconds, 1), limit: limits.max_seconds }, file);
    }
    const least = limits.min_side_px;
    if (Math.min(seen.width, seen.height) < least) return problem("too_small", { width: seen.width, height: seen.height, limit: least }, file);
    return null;
  };

  const send = (file) => new Promise((resolve, reject) => {
    const body = new FormData();
    body.append("files", file, file.name);
    upload = new XMLHttpRequest();
    upload.open("POST", kit.url("gradio_api/upload"));
    upload.timeout = UPLOAD_PATIENCE_MS;
    upload.responseType = "json";
    upload.upload.onprogress = (event) => {
      if (!event.lengthComputable) return;
      const percent = Math.floor((100 * event.loaded) / event.total);
      bar.style.width = `${percent}%`;
      meter.setAttribute("aria-valuenow", String(percent));
    };
    upload.onload = () => (upload.status === 200 && upload.response?.[0]
      ? resolve(upload.response[0])
      : reject(kit.failure(upload.status === 413 ? "too_big_for_server" : upload.status === 429 ? "too_many_uploads" : "upload_failed")));
    upload.onerror = upload.ontimeout = () => reject(kit.failure("no_connection"));
    upload.send(body);
  });

  const factsText = (f) => [
    `${f.width} × ${f.height}`,
    f.duration_seconds ? t("unit.seconds", { n: kit.number(f.duration_seconds, 1) }) : null,
    kit.bytes(f.size_bytes),
    kind === "video" ? t(f.has_audio ? "facts.sound" : "facts.silent") : null,
  ].filter(Boolean).join(" · ");
  const describe = () => {
    if (pick?.facts) facts.replaceChildren(el("span.mc-name", {}, pick.name), el("span", {}, factsText(pick.facts)));
  };
  const judged = (verdict, name) => {
    const report = verdict.report;
    const describeProblem = (level) => (item) => ({
      level,
      text: kit.known(`problem.${item.code}`) && !kit.t(`problem.${item.code}`).includes("{") ? t(`problem.${item.code}`) : item.message,
      next: item.next_step,
    });
    if (!report.ok) {
      const known = { path: verdict.file.path, name };
      const fixes = report.problems.some((item) => item.fix) ? [{ label: t("mend.button"), run: () => void mend(known) }] : [];
      return refuse(...report.problems.map((item, index) => ({ ...describeProblem("bad")(item), actions: index === 0 ? fixes : [] })));
    }
    pick = { ...verdict.file, name, facts: report.facts, prices: verdict.prices ?? null, poster: verdict.poster ?? null };
    describe();
    const nothingToSee = !media.firstElementChild || (kind === "video" && media.firstElementChild.tagName === "VIDEO" && !media.firstElementChild.videoWidth && !verdict.preview_url);
    if (verdict.preview_url && !preview) showRemote(verdict.preview_url, pick.poster);
    else if (nothingToSee && pick.poster) media.replaceChildren(el("img", { src: pick.poster, alt: t(`drop.${kind}.alt`) }));
    say(report.warnings.map(describeProblem("warn")));
    changed();
    return undefined;
  };
  const showRemote = (address, poster) => {
    const node = kind === "image"
      ? el("img", { alt: t("drop.image.alt"), src: address })
      : el("video", { muted: true, loop: true, playsinline: true, controls: true, preload: "metadata", src: address, poster, "aria-label": t("drop.video.alt") });
    if (kind === "video") node.muted = true;
    media.replaceChildren(node);
  };

  async function take(file) {
    if (!file) return;
    const problemAtOnce = obvious(file);
    if (problemAtOnce) { refuse(problemAtOnce); return; }
    forget();
    const mine = turn;
    pick = { name: file.name, busy: true };
    linkInput.value = "";
    linkBox.open = false;
    target.hidden = true;
    shown.hidden = false;
    bar.style.width = "0";
    facts.replaceChildren(el("span.mc-name", {}, file.name), el("span", {}, kit.bytes(file.size)));
    say([{ level: "busy", text: t("drop.looking") }]);
    changed();
    const seen = await look(file);
    if (mine !== turn) return;
    const known = measured(seen, file);
    if (known) { refuse(known); return; }
    await deliver(file, seen, mine);
  }
  async function deliver(file, seen, mine) {
    meter.hidden = false;
    say([{ level: "busy", text: t("drop.sending") }]);
    try {
      const path = await send(file);
      if (mine !== turn) return;
      meter.hidden = true;
      say([{ level: "busy", text: t("drop.checking") }]);
      const verdict = await judge({ path, orig_name: file.name });
      if (mine !== turn) return;
      judged(verdict, file.name);
      if (!seen && verdict.report.ok) say([...(verdict.report.warnings ?? []).map((w) => ({ level: "warn", text: w.message, next: w.next_step })), { level: "warn", text: t("drop.undecodable") }]);
    } catch (error) {
      if (mine !== turn) return;
      meter.hidden = true;
      pick = { name: file.name, failed: true };
      const { text, next } = kit.sentence(error);
      say([{ level: "bad", text, next, actions: [{ label: t("common.try_again"), run: () => { pick = { name: file.name, busy: true }; changed(); void deliver(file, seen, mine); } }] }]);
      changed();
    }
  }

  // Takes a file that the server already has: an example, a job's own input, the draft after a reload.
  async function restore(known) {
    forget();
    const mine = turn;
    pick = { name: known.name, path: known.path, busy: true };
    target.hidden = true;
    shown.hidden = false;
    media.replaceChildren(known.poster ? el("img", { src: known.poster, alt: t(`drop.${kind}.alt`) }) : el("div.mc-skeleton"));
    facts.replaceChildren(el("span.mc-name", {}, known.name));
    say([]);
    changed();
    try {
      const verdict = await judge({ path: known.path, orig_name: known.name });
      if (mine === turn) judged(verdict, known.name);
    } catch (error) {
      if (mine !== turn) return;
      if (error.code === "no_connection") {
        pick = { name: known.name, path: known.path, failed: true };
        const { text, next } = kit.sentence(error);
        say([{ level: "bad", text, next, actions: [{ label: t("common.try_again"), run: () => void restore(known) }] }]);
        changed();
      } else {
        clear();
        say([{ level: "warn", text: t("drop.gone") }]);
      }
    }
  }

  // Makes a file acceptable on the server; the original stays, and can be taken back where it could be used.
  async function mend(original, usable = false) {
    forget();
    const mine = turn;
    pick = { name: original.name, path: usable ? original.path : undefined, busy: true };
    target.hidden = true;
    shown.hidden = false;
    if (!media.firstElementChild) media.replaceChildren(el("div.mc-skeleton"));
    facts.replaceChildren(el("span.mc-name", {}, original.name));
    changed();
    let id = null;
    const cancel = { label: t("common.cancel"), run: () => { if (id) kit.ask("mend_stop", { id }).catch(() => {}); if (usable) void restore(original); else clear(); } };
    try {
      ({ id } = await kit.ask("mend", { kind, path: original.path, character_orientation: facing() }));
      for (;;) {
        const state = await kit.ask("mending", { id });
        if (mine !== turn || state.stopped) return;
        if (state.file) {
          await restore(state.file);
          say([{
            level: "good",
            text: state.changes.length ? t("mend.done", { changes: state.changes.join(" ") }) : t("mend.unchanged"),
            next: state.before ? t("mend.facts", { before: factsText(state.before), after: factsText(state.after) }) : "",
            actions: usable ? [{ label: t("mend.back"), run: () => void restore(original) }] : [],
          }]);
          return;
        }
        say([{ level: "busy", text: t("mend.working", { n: kit.number(state.progress * 100) }), actions: [cancel] }]);
        await new Promise((go) => { setTimeout(go, MENDING_LOOK_MS); });
      }
    } catch (error) {
      if (mine !== turn) return;
      const { text, next } = kit.sentence(error);
      refuse({ level: "bad", text, next, actions: [{ label: t("common.try_again"), run: () => void mend(original, usable) }] });
    }
  }
  async function sendAndMend(file) {
    forget();
    const mine = turn;
    pick = { name: file.name, busy: true };
    target.hidden = true;
    shown.hidden = false;
    media.replaceChildren(el("div.mc-skeleton"));
    facts.replaceChildren(el("span.mc-name", {}, file.name), el("span", {}, kit.bytes(file.size)));
    meter.hidden = false;
    bar.style.width = "0";
    say([{ level: "busy", text: t("drop.sending") }]);
    changed();
    try {
      const path = await send(file);
      if (mine !== turn) return;
      meter.hidden = true;
      await mend({ path, name: file.name });
    } catch (error) {
      if (mine !== turn) return;
      meter.hidden = true;
      const { text, next } = kit.sentence(error);
      refuse({ level: "bad", text, next, actions: [{ label: t("common.try_again"), run: () => void sendAndMend(file) }] });
    }
  }

  input.addEventListener("change", () => void take(input.files[0]));
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop") void take(event.dataTransfer.files[0]);
    });
  }
  linkInput.addEventListener("input", () => {
    const address = linkInput.value.trim();
    if (!address) { pick = null; say([]); changed(); return; }
    forget();
    media.replaceChildren();
    shown.hidden = true;
    target.hidden = false;
    if (/^https:\/\/[^\s/]+\.[^\s/]+/.test(address)) {
      pick = { url: address, name: address };
      say([{ level: "good", text: t(`drop.${kind}.linked`) }]);
    } else {
      pick = { url: address, name: address, failed: true };
      say([problem("link")]);
    }
    changed();
  });

  return {
    zone, take, restore, clear,
    takes(name) { return [...accepted, ...convertible].some((ending) => name.toLowerCase().endsWith(ending)); },
    mend() { void mend({ path: pick.path, name: pick.name }, true); },
    get pick() { return pick; },
    // Something that depends on the rest of the form, such as the length allowed by the orientation.
    extra(list) {
      note.querySelectorAll("[data-extra]").forEach((node) => node.remove());
      for (const { text, next, actions } of list) {
        note.append(el("div.mc-note.bad", { "data-extra": "1" }, icon("warn"),
          el("p", {}, el("span.mc-sr", {}, t("level.problem")), text, el("span.mc-next", {}, ` ${next}`)),
          el("div.mc-row", {}, ...actions.map((action) => kit.button(action.label, { look: "small", onclick: action.run })))));
      }
    },
    focus() { input.focus(); },
  };
}
