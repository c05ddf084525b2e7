// The portal's script: theme, times in the reader's zone, the palette, keys,
// and parts of pages that follow what happens. Pages can be read without it.
(() => {
  "use strict";
  const root = document.documentElement, $ = (s, at = document) => at.querySelector(s), $$ = (s, at = document) => [...at.querySelectorAll(s)];

  // Theme: remembered in a cookie, so that the server sends the next page in it.
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  document.addEventListener("click", (e) => {
    if (!e.target.closest("[data-theme-toggle]")) return;
    e.preventDefault();
    root.dataset.theme = dark() ? "light" : "dark";
    document.cookie = `slipway-theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax${location.protocol === "https:" ? "; secure" : ""}`;
  });

  // Times: relative, kept true while the page is open; absolute in the reader's zone.
  const absolute = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" });
  const zone = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts().find((p) => p.type === "timeZoneName")?.value || "";
  const ago = (ms) => {
    const s = Math.abs(ms) / 1000;
    if (s < 60) return "now";
    if (s < 3600) return `${Math.floor(s / 60)} min`;
    if (s < 172800) return `${Math.floor(s / 3600)} h`;
    return `${Math.floor(s / 86400)} d`;
  };
  const lasted = (ms) => {
    const s = Math.max(0, ms / 1000);
    if (s < 60) return `${Math.floor(s)} s`;
    if (s < 3600) return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
    return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  };
  const set = (el, text) => { if (el.textContent !== text) el.textContent = text; };
  const times = (at = document) => {
    for (const el of $$("time[datetime]", at)) {
      const t = new Date(el.dateTime), d = Date.now() - t;
      if ("since" in el.dataset) { set(el, lasted(d)); continue; }
      const title = `${absolute.format(t)} ${zone}`;
      if (el.title !== title) el.title = title;
      if ("at" in el.dataset) { set(el, absolute.format(t)); continue; }
      const text = ago(d);
      set(el, "ago" in el.dataset ? (text === "now" ? "just now" : `${text} ago`) : text);
    }
  };
  times();
  setInterval(() => { if (!document.hidden) { for (const el of $$("time[data-since]")) set(el, lasted(Date.now() - new Date(el.dateTime))); } }, 1000);
  setInterval(() => { if (!document.hidden) times(); }, 20000);
  document.addEventListener("htmx:afterSwap", () => times());

  // Palette and keys.
  const palette = $("#palette"), keys = $("#keys");
  if (palette) {
    const input = $("input", palette), list = $("#palette-list");
    let asked = 0, picked = -1;
    const options = () => $$("[role=option]", list);
    const pick = (i) => {
      const all = options();
      if (!all.length) { picked = -1; input.removeAttribute("aria-activedescendant"); return; }
      picked = (i + all.length) % all.length;
      all.forEach((o, n) => { o.id = `option-${n}`; o.setAttribute("aria-selected", String(n === picked)); });
      input.setAttribute("aria-activedescendant", `option-${picked}`);
      all[picked].scrollIntoView({ block: "nearest" });
    };
    const ask = async () => {
      const mine = ++asked;
      const answer = await fetch(`/search?part=results&q=${encodeURIComponent(input.value)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (mine !== asked || !answer?.ok) return;
      list.innerHTML = await answer.text();
      pick(0);
    };
    const open = () => { if (!palette.open) { palette.showModal(); input.value = ""; ask(); } };
    input.addEventListener("input", ask);
    input.addEventListener("keydown", (e) => {
      if (e.key === "ArrowDown") { e.preventDefault(); pick(picked + 1); }
      if (e.key === "ArrowUp") { e.preventDefault(); pick(picked - 1); }
    });
    $("form", palette).addEventListener("submit", (e) => { const to = options()[picked]; if (to?.href) { e.preventDefault(); to.click(); } });
    for (const d of [palette, keys]) d.addEventListener("click", (e) => { if (e.target === d) d.close(); });
    document.addEventListener("click", (e) => { if (e.target.closest("[data-palette]") && !e.ctrlKey && !e.metaKey) { e.preventDefault(); open(); } });
    // A leading g waits for its second key however long that takes: not everybody types
    // quickly, and not every machine answers so.
    let leading = false;
    document.addEventListener("click", () => { leading = false; });
    document.addEventListener("keydown", (e) => {
      if (e.key === "Shift") return;
      const led = leading;
      leading = false;
      if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") { e.preventDefault(); open(); return; }
      // A dialog that was just closed has the focus until the page is painted again.
      if (e.ctrlKey || e.metaKey || e.altKey || (e.target.closest("input, textarea, select, dialog") && e.target.checkVisibility())) return;
      const to = led && { o: "/", p: "/promotions", e: "/environments", t: "/teams" }[e.key];
      leading = e.key === "g";
      if (to) { e.preventDefault(); location.assign(to); return; }
      if (e.key === "?") { e.preventDefault(); keys.showModal(); }
      if (e.key === "/") { const f = $("[data-filter]"); if (f) { e.preventDefault(); f.focus(); f.select(); } }
    });
  }

  // Details that lie over the page close when one looks elsewhere.
  const closes = "details.ask[open], details.menu[open]";
  document.addEventListener("click", (e) => { for (const d of $$(closes)) if (!d.contains(e.target)) d.open = false; });
  document.addEventListener("keydown", (e) => { if (e.key === "Escape") for (const d of $$(closes)) { d.open = false; $("summary", d).focus(); } });

  // Log: numbers, following, links to lines.
  const away = $("#away");
  const tell = (text) => { if (away) { away.textContent = text; away.hidden = !text; } };
  const most = 5000; // lines in the page
  let following = true;
  const box = () => $("#log [data-lines]"), button = () => $("#log [data-follow]");
  const atEnd = (b) => b.scrollHeight - b.scrollTop - b.clientHeight < 30;
  const follow = (on) => { following = on; const b = button(); if (b) { b.hidden = false; b.setAttribute("aria-pressed", String(on)); } if (on) { const l = box(); if (l) l.scrollTop = l.scrollHeight; } };
  const watchScroll = () => { const l = box(); if (l && button()) { l.addEventListener("scroll", () => { const end = atEnd(l); if (end !== following) { following = end; button()?.setAttribute("aria-pressed", String(end)); } }, { passive: true }); follow(true); } };
  document.addEventListener("click", (e) => { if (e.target.closest("[data-follow]")) follow(!following); });
  const append = (html) => {
    const b = box(), ol = $("ol", b);
    const last = ol.lastElementChild?.id ? Number(ol.lastElementChild.id.slice(1)) : 0;
    const t = document.createElement("template");
    t.innerHTML = html;
    let n = last;
    for (const li of t.content.children) { n++; li.id = `L${n}`; const a = li.firstElementChild; a.textContent = n; a.href = `#L${n}`; }
    ol.append(t.content);
    b.classList.remove("quiet");
    $("p", b)?.remove();
    while (ol.childElementCount > most) ol.firstElementChild.remove();
    if (following) b.scrollTop = b.scrollHeight;
  };
  if (box()) {
    watchScroll();
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line && $(location.hash)) { follow(false); $(location.hash).scrollIntoView({ block: "center" }); } else if (line && $("#log").dataset.log) location.replace(`${location.pathname}?step=${$("#log").dataset.step}&line=${line[1]}${location.hash}`);
    else if (!$("#log").hasAttribute("data-window")) box().scrollTop = box().scrollHeight;
  }

  // Notifications: only when they were asked for, in this browser; told once each.
  const able = "Notification" in window;
  const notifies = () => able && Notification.permission === "granted" && localStorage.getItem("slipway-notify") === "yes";
  const offer = () => { for (const b of $$("[data-notify]")) { b.hidden = !able || Notification.permission === "denied"; set(b, notifies() ? "Don't tell me any more" : "Tell me when something waits for me"); } };
  const mine = () => ($("#recent")?.dataset.mine || "").split(" ").filter(Boolean);
  let told = new Set(mine()), wondering = false;
  document.addEventListener("click", async (e) => {
    if (!e.target.closest("[data-notify]") || wondering) return;
    wondering = true; // the browser may ask for as long as its reader thinks
    const yes = !notifies() && (await Notification.requestPermission()) === "granted";
    wondering = false;
    localStorage.setItem("slipway-notify", yes ? "yes" : "no");
    offer();
  });
  document.addEventListener("htmx:afterSwap", () => {
    offer();
    for (const id of mine()) {
      if (told.has(id)) continue;
      told.add(id);
      if (!notifies()) continue;
      const link = $(`#recent a[href="/promotions/${id}/decide"]`);
      const n = new Notification("Slipway: waiting for you", { body: link?.querySelector("span")?.textContent.trim() || `promotion ${id}`, tag: `slipway-${id}` });
      n.onclick = () => { window.focus(); location.assign(`/promotions/${id}/decide`); };
    }
  });
  offer();

  // Live: one stream a page. It names what has changed; that part is asked for again.
  const live = document.body.dataset.live;
  if (!live) return;
  const waiting = new Map(), called = (el) => el.dataset.on + el.id;
  // What is under way is replaced when it comes, and what is asked of it until then goes with
  // it; what its reader has open stays. Both are asked for again afterwards.
  const later = (key, ms) => {
    if (waiting.has(key)) return;
    waiting.set(key, setTimeout(() => {
      waiting.delete(key);
      for (const el of $$("[data-on]")) {
        if (called(el) !== key) continue;
        if (el.classList.contains("htmx-request") || el.querySelector("details[open]")) later(key, 500);
        else htmx.trigger(el, "live");
      }
    }, ms));
  };
  // What could not be answered is asked for again, less and less often.
  const pause = new Map();
  document.addEventListener("htmx:responseError", (e) => {
    const el = e.detail.elt, ms = Math.min(60000, 2 * (pause.get(called(el)) || 1000));
    if (el.dataset.on && e.detail.xhr.status >= 429) { pause.set(called(el), ms); later(called(el), ms); }
  });
  document.addEventListener("htmx:afterRequest", (e) => { if (e.detail.successful) pause.delete(called(e.detail.requestConfig.elt)); });
  const refresh = (keys) => {
    for (const el of $$("[data-on]")) if (el.dataset.on.split(" ").some((k) => keys.includes(k))) later(called(el), 250);
    if (keys.includes("promotion")) parts();
  };

  // The parts of a promotion come together; what its reader does in one of them stays.
  let asking = false, again = false, queue = null, missed = false;
  const behind = new Set(); // parts whose news could not be fetched
  document.addEventListener("htmx:sendError", (e) => behind.add(e.target));
  const parts = async () => {
    if (asking) { again = true; return; }
    asking = true;
    try {
      const log = $("#log"), chosen = log?.hasAttribute("data-chosen") ? `&step=${log.dataset.step}` : "";
      const answer = await fetch($("[data-parts]").dataset.parts + chosen, { headers: { "HX-Request": "true" } });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of [...page.body.children]) {
        const old = document.getElementById(fresh.id);
        if (!old || old.innerHTML === fresh.innerHTML || old.querySelector("details[open]")) continue;
        const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
        old.replaceWith(document.importNode(fresh, true));
        if (focus) $(`#${fresh.id} [href="${CSS.escape(focus)}"]`)?.focus();
      }
      times();
      const step = new URL($("#promotion-steps [aria-current]")?.href || location.href).searchParams.get("step");
      if (step && log && step !== log.dataset.step && !chosen && !log.hasAttribute("data-window")) await turn(step);
      else if (log) note();
    } catch { missed = true; // Slipway does not answer; the stream says when it does again
    } finally {
      asking = false;
      if (again) { again = false; setTimeout(parts, 150); }
    }
  };
  // turn shows the log of another step; what comes meanwhile is kept for it.
  const turn = async (step) => {
    queue = [];
    const answer = await fetch(`${location.pathname}?part=log&step=${step}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (answer?.ok) {
      const t = document.createElement("template");
      t.innerHTML = await answer.text();
      const fresh = t.content.firstElementChild;
      fresh.removeAttribute("data-chosen");
      $("#log").replaceWith(fresh);
      htmx.process(fresh);
      watchScroll();
    }
    const kept = queue;
    queue = null;
    kept.forEach(logged);
  };
  const note = () => { const row = $("#promotion-steps [aria-current] .sr"), span = $("#log header .muted"); if (row && span && !row.textContent.includes("unning")) { const t = row.closest("a").querySelector(".t").textContent.trim(); set(span, row.textContent.replace(", ", "").toLowerCase() + (t ? ` after ${t}` : "")); } };
  const logged = (n) => {
    const log = $("#log");
    if (!log || log.hasAttribute("data-window")) return;
    if (queue) { queue.push(n); return; }
    if (n.step && (n.step !== log.dataset.step || n.chunk <= Number(log.dataset.chunk))) return;
    if (n.chunk) log.dataset.chunk = n.chunk;
    append(n.html);
  };

  let lost = 0, source, done = false, rest;
  const address = new URL(live, location.href);
  if (document.body.dataset.after) address.searchParams.set("after", document.body.dataset.after);
  const listen = () => {
    source?.close();
    source = new EventSource(address);
    source.addEventListener("open", () => {
      if (lost && Date.now() - lost > 5000) { tell(`Live again. The page was cut off for ${lasted(Date.now() - lost)}; it has caught up.`); setTimeout(() => tell(""), 8000); } else tell("");
      lost = 0;
      if (missed) { missed = false; parts(); }
      for (const el of behind) if (el.isConnected && el.dataset.on) htmx.trigger(el, "live");
      behind.clear();
    });
    source.addEventListener("error", () => {
      if (!lost) lost = Date.now();
      setTimeout(() => { if (lost && Date.now() - lost >= 5000) tell("Slipway does not answer. What is shown may be old; the page goes on by itself when it is back."); }, 5200);
      if (source.readyState === EventSource.CLOSED && !done && !document.hidden) setTimeout(listen, 2000);
    });
    source.addEventListener("changed", (e) => { address.searchParams.set("after", e.lastEventId); refresh(e.data.split(" ")); });
    source.addEventListener("log", (e) => { if (e.lastEventId) address.searchParams.set("after", e.lastEventId); logged(JSON.parse(e.data)); });
    source.addEventListener("reset", () => { const b = box(); if (b) $("ol", b).replaceChildren(); });
    source.addEventListener("over", () => { done = true; source.close(); lost = 0; const b = button(); if (b) b.hidden = true; parts(); });
  };
  listen();
  // A browser has few connections to one host: a page that nobody looks at gives its own back.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(rest);
    if (done) return;
    if (document.hidden && notifies() && $("#recent")) return; // it has something to tell
    if (document.hidden) rest = setTimeout(() => { source.close(); lost = 0; }, 15000);
    else if (source.readyState === EventSource.CLOSED) listen();
  });
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
})();
