
"use strict";
// The page of one walcast: what /events says, once a second. All that is shown is put in as text,
// never as markup, since names and log lines are clients'.
(() => {
  const $ = (id) => document.getElementById(id);
  const ROW_HEIGHT = 31;
  const ROWS_BESIDE = 12;
  const SAMPLES_MAX = 180;
  const SILENCE_MS = 6000;

  // Text.
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  function bytes(value) {
    if (value === null || value === undefined) return "-";
    let unit = 0;
    while (Math.abs(value) >= 1000 && unit + 1 < units.length) { value /= 1024; unit++; }
    return (unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)) + " " + units[unit];
  }
  const rate = (value) => value === null || value === undefined ? "-" : bytes(value) + "/s";
  function duration(seconds) {
    if (seconds === null || seconds === undefined) return "-";
    if (seconds === 0) return "0";
    if (seconds < 0.001) return (seconds * 1e6).toFixed(seconds < 1e-5 ? 1 : 0) + " us";
    if (seconds < 1) return (seconds * 1000).toFixed(seconds < 0.01 ? 2 : 0) + " ms";
    if (seconds < 120) return seconds.toFixed(1) + " s";
    if (seconds < 7200) return (seconds / 60).toFixed(0) + " min";
    if (seconds < 172800) return (seconds / 3600).toFixed(1) + " h";
    if (seconds < 3e8) return (seconds / 86400).toFixed(0) + " days";
    return "years";
  }
  const time = (seconds) => seconds === null ? "-" : new Date(seconds * 1000).toLocaleString();
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString();
  const text = (value) => value === null || value === undefined || value === "" ? "-" : String(value);

  // Elements.
  function element(name, content, className) {
    const made = document.createElement(name);
    if (content !== undefined) made.textContent = content;
    if (className) made.className = className;
    return made;
  }
  function setText(node, content) {
    if (node.textContent !== content) node.textContent = content;
  }
  function fillList(list, pairs) {
    list.replaceChildren(...pairs.flatMap(([term, value, className]) =>
      [element("dt", term), element("dd", text(value), className)]));
  }
  function fillTable(table, headings, rows, empty) {
    const head = element("tr");
    for (const [heading, isNumber] of headings) {
      const cell = element("th", heading, isNumber ? "number" : "");
      cell.scope = "col";
      head.append(cell);
    }
    const lines = rows.map((cells) => {
      const line = element("tr");
      cells.forEach((value, i) => line.append(element("td", text(value), headings[i][1] ? "number" : "")));
      return line;
    });
    if (lines.length === 0) {
      const none = element("td", empty);
      none.colSpan = headings.length;
      const line = element("tr");
      line.append(none);
      lines.push(line);
    }
    const thead = element("thead");
    thead.append(head);
    const tbody = element("tbody");
    tbody.append(...lines);
    table.replaceChildren(thead, tbody);
  }

  // The table of standbys: only the rows that are seen exist.
  const columns = [
    { key: "application_name", title: "Name", show: text },
    { key: "client_addr", title: "Address", show: (v, row) => v === null ? "[local]" : v + ":" + row.client_port, wide: true },
    { key: "state", title: "State", show: text, tone: (v) => v === "streaming" ? "good" : "warn" },
    { key: "lag_bytes", title: "Lag", show: bytes, number: true },
    { key: "lag", title: "Lag time", show: duration, number: true, tone: (v) => v > 60 ? "bad" : v > 5 ? "warn" : "" },
    { key: "bytes_per_second", title: "Rate", show: rate, number: true, middle: true },
    { key: "walcast_mean", title: "walcast", show: duration, number: true, wide: true },
    { key: "written_mean", title: "Written", show: duration, number: true, wide: true },
    { key: "flushed_mean", title: "Flushed", show: duration, number: true, wide: true },
    { key: "applied_mean", title: "Applied", show: duration, number: true, wide: true },
    { key: "waits_for", title: "Waits for", show: text, middle: true },
    { key: "slot_name", title: "Slot", show: text, wide: true },
    { key: "sync_state", title: "Sync", show: text, wide: true },
    { key: "sent_lsn", title: "Sent", show: text, wide: true },
    { key: "usename", title: "Role", show: text, wide: true },
    { key: "backend_start", title: "Since", show: (v) => v === null ? "-" : time(v), wide: true },
  ];
  const classOf = (column) =>
    [column.number ? "number" : "", column.wide ? "wide" : "", column.middle ? "middle" : ""].join(" ").trim();
  let standbys = [];
  let shown = [];
  let sortKey = "lag_bytes";
  let sortDown = true;
  const area = $("standbys");
  const body = $("rows").tBodies[0];

  function addHeadings() {
    const line = element("tr");
    for (const column of columns) {
      const cell = element("th", undefined, classOf(column));
      cell.scope = "col";
      cell.dataset.key = column.key;
      const button = element("button", column.title);
      button.type = "button";
      button.addEventListener("click", () => {
        sortDown = sortKey === column.key ? !sortDown : Boolean(column.number);
        sortKey = column.key;
        choose();
      });
      cell.append(button);
      line.append(cell);
    }
    $("rows").tHead.replaceChildren(line);
  }
  function markHeadings() {
    for (const cell of $("rows").tHead.rows[0].cells) {
      const isSorted = cell.dataset.key === sortKey;
      cell.setAttribute("aria-sort", isSorted ? (sortDown ? "descending" : "ascending") : "none");
      const title = columns.find((column) => column.key === cell.dataset.key).title;
      setText(cell.firstChild, title + (isSorted ? (sortDown ? " \u2193" : " \u2191") : ""));
    }
  }
  function compare(a, b) {
    const x = a[sortKey];
    const y = b[sortKey];
    if (x === y) return a.pid - b.pid;
    if (x === null || x === undefined) return 1;
    if (y === null || y === undefined) return -1;
    const order = typeof x === "number" ? x - y : x < y ? -1 : 1;
    return sortDown ? -order : order;
  }
  // What is looked for may stand in any of these.
  const searched = (row) =>
    [row.application_name, row.client_addr, row.state, row.slot_name, row.usename, row.waits_for]
      .join("\n").toLowerCase();
  function choose() {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = $("state").value;
    shown = standbys.filter((row) => {
      if (state && row.state !== state) return false;
      if (words.length === 0) return true;
      const all = searched(row);
      return words.every((word) => all.includes(word));
    });
    shown.sort(compare);
    setText($("count"), shown.length === standbys.length
      ? String(standbys.length) : shown.length + " of " + standbys.length);
    markHeadings();
    const none = $("none");
    none.hidden = shown.length > 0;
    setText(none, standbys.length === 0 ? "No standby is connected." : "No standby is like that.");
    draw();
  }
  function spacer(height) {
    const line = element("tr", undefined, "space");
    line.setAttribute("aria-hidden", "true");
    const cell = element("td");
    cell.colSpan = columns.length;
    cell.style.height = height + "px";
    line.append(cell);
    return line;
  }
  function rowElement(row, index) {
    const line = element("tr");
    line.setAttribute("aria-rowindex", String(index + 2));
    line.dataset.pid = row.pid;
    for (const column of columns) {
      const value = row[column.key];
      const tone = column.tone ? column.tone(value) : "";
      const cell = element("td", column.show(value, row), (classOf(column) + " " + tone).trim());
      if (cell.textContent.length > 18) cell.title = cell.textContent;
      line.append(cell);
    }
    return line;
  }
  function draw() {
    const first = Math.max(0, Math.floor(area.scrollTop / ROW_HEIGHT) - ROWS_BESIDE);
    const count = Math.ceil(area.clientHeight / ROW_HEIGHT) + 2 * ROWS_BESIDE;
    const last = Math.min(shown.length, first + count);
    const lines = [spacer(first * ROW_HEIGHT)];
    for (let i = first; i < last; i++) lines.push(rowElement(shown[i], i));
    lines.push(spacer((shown.length - last) * ROW_HEIGHT));
    body.replaceChildren(...lines);
    $("rows").setAttribute("aria-rowcount", String(shown.length + 1));
  }
  let drawing = false;
  area.addEventListener("scroll", () => {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => { drawing = false; draw(); });
  }, { passive: true });

  // Charts of what has been since the page was opened.
  const samples = [];
  function chart(id, key) {
    const max = Math.max(1e-9, ...samples.map((sample) => sample[key] || 0));
    const step = 300 / Math.max(1, SAMPLES_MAX - 1);
    const begin = 300 - step * (samples.length - 1);
    const points = samples.map((sample, i) =>
      (begin + step * i).toFixed(1) + " " + (58 - 55 * (sample[key] || 0) / max).toFixed(1));
    $(id).firstElementChild.setAttribute("d", points.length > 1 ? "M" + points.join("L") : "");
  }
  function drawCharts(data) {
    const before = samples[samples.length - 1];
    const sample = { at: data.time, end: data.server.wal_end_bytes, sent: data.server.bytes_sent };
    const passed = before ? sample.at - before.at : 0;
    sample.rate = passed > 0 && sample.end >= before.end ? (sample.end - before.end) / passed : 0;
    sample.sentRate = passed > 0 && sample.sent >= before.sent ? (sample.sent - before.sent) / passed : 0;
    sample.lag = standbys.reduce((most, row) => Math.max(most, row.lag || 0), 0);
    samples.push(sample);
    if (samples.length > SAMPLES_MAX) samples.shift();
    setText($("rate-now"), rate(sample.rate));
    setText($("sent-now"), rate(sample.sentRate));
    setText($("lag-now"), duration(sample.lag));
    chart("chart-rate", "rate");
    chart("chart-sent", "sentRate");
    chart("chart-lag", "lag");
  }

  // The boxes.
  function box(id, tone, pairs) {
    $(id).className = "box " + tone;
    fillList($(id).querySelector("dl"), pairs);
  }
  function drawTopology(data) {
    const up = data.upstream;
    if (up.state === "none") {
      box("box-primary", "", [["State", "no primary: WAL of a directory"]]);
    } else {
      const tone = { streaming: "good", connecting: "warn", paused: "warn", failing: "bad" }[up.state];
      const place = up.host === null ? "-" : up.host + (up.port === null ? "" : ":" + up.port);
      const pairs = [["Server", place], ["State", up.state], ["WAL ends", up.latest_end_lsn],
        ["Behind", bytes(up.lag_bytes)], ["Since", time(up.since)]];
      if (up.state === "paused" || up.state === "failing") pairs.push(["Why", up.text, "bad"]);
      box("box-primary", tone, pairs);
    }
    const server = data.server;
    box("box-server", server.ready ? "good" : "warn", [
      ["WAL ends", server.wal_end], ["Timeline", server.timeline], ["Comes", rate(data.spool.bytes_per_second)],
      ["Started", time(server.start_time)], ["Version", server.version]]);
    const counts = {};
    for (const row of standbys) counts[row.state] = (counts[row.state] || 0) + 1;
    const behind = standbys.filter((row) => row.state !== "streaming").length;
    box("box-standbys", behind === 0 ? "good" : "warn",
      [["Connected", standbys.length]].concat(Object.entries(counts).sort()));
    const walcasts = standbys.filter((row) => row.application_name.startsWith("walcast"));
    $("box-walcasts").hidden = walcasts.length === 0;
    if (walcasts.length > 0) {
      box("box-walcasts", "good", walcasts.slice(0, 5).map((row) =>
        [row.application_name, (row.client_addr || "[local]") + ", " + bytes(row.lag_bytes) + " behind"]));
      $("box-walcasts").hidden = false;
    }
  }
  function drawDisk(spool) {
    const used = spool.size_bytes > 0 ? 1 - spool.free_bytes / spool.size_bytes : 0;
    const bar = $("disk-used");
    bar.style.width = (100 * used).toFixed(1) + "%";
    const soon = spool.full_in !== null && spool.full_in < 3600;
    bar.className = soon ? "bad" : used > 0.8 ? "warn" : "";
    fillList($("disk").querySelector("dl"), [
      ["Directory", spool.directory],
      ["WAL", bytes(spool.bytes) + " in " + spool.segments + " segments, from " + text(spool.oldest_lsn)],
      ["Free", bytes(spool.free_bytes) + " of " + bytes(spool.size_bytes)],
      ["Lasts", !spool.grows ? "nothing is written there" : spool.full_in === null
        ? "no WAL comes" : duration(spool.full_in) + " at " + rate(spool.bytes_per_second), soon ? "bad" : ""]]);
  }
  let lastLine = 0;
  function drawLog(lines) {
    if (lines.length > 0 && lines[lines.length - 1].number < lastLine) {
      lastLine = 0;  // the server is another one
      $("log").replaceChildren();
    }
    const log = $("log");
    const atEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    for (const line of lines) {
      if (line.number <= lastLine) continue;
      lastLine = line.number;
      const tone = { WARNING: "warn", ERROR: "bad", FATAL: "bad" }[line.level] || "";
      log.append(element("p", clock(line.time) + " " + line.level + ":  " + line.text, tone));
    }
    while (log.childElementCount > 200) log.firstElementChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  function show(data) {
    standbys = data.standbys.map((values) => {
      const row = {};
      for (let i = 0; i < values.length; i++) row[data.columns[i]] = values[i];
      return row;
    });
    const server = data.server;
    setText($("summary"), standbys.length + (standbys.length === 1 ? " standby" : " standbys") +
      ", WAL ends at " + text(server.wal_end) + ", system " + server.system_identifier);
    document.title = "walcast: " + standbys.length + " standbys";
    if (data.server.loops_silent > 0) trouble(data.server.loops_silent + " loops do not answer");
    else trouble("");
    drawTopology(data);
    drawCharts(data);
    choose();
    fillTable($("latency"), [["Stage"], ["Deliveries", true], ["Mean", true], ["p50", true], ["p99", true],
      ["p99.9", true], ["Max", true]], data.latency.map((row) => [row.stage, row.count, duration(row.mean),
      duration(row.p50), duration(row.p99), duration(row.p999), duration(row.max)]), "No live delivery yet.");
    drawDisk(data.spool);
    fillTable($("holds"), [["Holder"], ["Why"], ["From"], ["WAL", true], ["Since"]],
      data.holds.map((row) => [row.holder, row.reason, row.from_lsn, bytes(row.bytes), time(row.since)]),
      "Nothing holds WAL.");
    fillTable($("slots"), [["Slot"], ["Active"], ["WAL"], ["Keeps", true], ["Safe for", true]],
      data.slots.map((row) => [row.slot_name, row.active ? "yes" : "no", row.wal_status,
        bytes(row.retained_bytes), bytes(row.safe_wal_size)]), "There is no slot.");
    fillTable($("limits"), [["Limit"], ["Used", true], ["Most", true]], data.limits.map((row) => {
      const isMemory = row.limit.endsWith("memory");
      return [row.limit, isMemory ? bytes(row.used) : row.used,
        row.max === 0 ? "none" : isMemory ? bytes(row.max) : row.max];
    }), "");
    drawLog(data.log);
    document.body.dataset.snapshots = String(Number(document.body.dataset.snapshots || 0) + 1);
  }
  function trouble(words) {
    $("trouble").hidden = words === "";
    setText($("trouble"), words);
  }

  // The connection. A browser tries again by itself, but for an answer that is an error.
  let source = null;
  let heard = 0;
  function connect() {
    if (source !== null) source.close();
    source = new EventSource("events");
    heard = Date.now();
    source.addEventListener("snapshot", (event) => {
      heard = Date.now();
      show(JSON.parse(event.data));
    });
    source.addEventListener("error", () => trouble("No connection to walcast; trying again"));
  }
  setInterval(() => {
    if (Date.now() - heard < SILENCE_MS) return;
    trouble("No connection to walcast; trying again");
    connect();
  }, 2000);

  // Light and dark, by the system until the button says otherwise.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function chosenTheme() {
    try { return localStorage.getItem("walcast-theme"); } catch (error) { return null; }
  }
  function setTheme() {
    document.documentElement.dataset.theme = chosenTheme() || (dark.matches ? "dark" : "light");
  }
  $("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("walcast-theme", next); } catch (error) { /* it holds for this page */ }
    document.documentElement.dataset.theme = next;
  });
  dark.addEventListener("change", setTheme);

  $("search").addEventListener("input", () => { area.scrollTop = 0; choose(); });
  $("state").addEventListener("change", () => { area.scrollTop = 0; choose(); });
  document.addEventListener("keydown", (event) => {
    const inField = ["INPUT", "SELECT"].includes(document.activeElement.tagName);
    if (event.key === "/" && !inField) {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "Escape" && document.activeElement === $("search")) {
      $("search").value = "";
      choose();
      area.focus();
    }
  });
  window.addEventListener("resize", draw);
  setTheme();
  addHeadings();
  choose();
  connect();
})();
