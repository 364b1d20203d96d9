// What the page can do beyond its forms and links, which work without it: follow jobs, take dropped files, point at places.
"use strict";

const csrf = document.body.dataset.csrf || "";
const said = document.getElementById("said");

function say(text) {
  said.textContent = text;
}

// --- Jobs as they change ---------------------------------------------------------------------------------------------

const rows = document.getElementById("rows");
const asked = new Map();

function rowOf(jobId) {
  return document.getElementById(jobId);
}

async function refresh(jobId) {
  // One question at a time for a job; what changes meanwhile is asked for once more.
  if (asked.has(jobId)) {
    asked.set(jobId, true);
    return;
  }
  asked.set(jobId, false);
  try {
    const answer = await fetch(`/rows/${jobId}`, { headers: { Accept: "text/plain" } });
    if (answer.status === 401) location.assign("/signin");
    if (answer.ok) place(jobId, await answer.text());
  } catch {
    // The stream says so too, and everything is looked at again when it is back.
  } finally {
    const again = asked.get(jobId);
    asked.delete(jobId);
    if (again) refresh(jobId);
  }
}

function place(jobId, text) {
  const table = new DOMParser().parseFromString(`<table><tbody>${text}</tbody></table>`, "text/html");
  const fresh = document.adoptNode(table.querySelector("tr"));
  const old = rowOf(jobId);
  if (old) {
    if (Number(old.dataset.version) > Number(fresh.dataset.version)) return;
    const focused = old.contains(document.activeElement);
    const moved = old.dataset.state !== fresh.dataset.state;
    old.replaceWith(fresh);
    if (focused) fresh.querySelector("a").focus();
    if (moved) {
      tell(fresh);
      fresh.classList.add("fresh");
    }
  } else {
    const empty = document.querySelector(".list .empty");
    if (empty) empty.remove();
    const next = [...rows.children].find((row) => row.id < jobId);
    rows.insertBefore(fresh, next || null);
    tell(fresh);
    fresh.classList.add("fresh");
  }
}

function tell(row) {
  say(`${row.querySelector("a").textContent}: ${row.querySelector(".chip").textContent}`);
}

function follow() {
  const one = document.querySelector("[data-follow]");
  if (!rows && !one) return;
  const source = new EventSource("/events");
  source.addEventListener("job", (event) => {
    const change = JSON.parse(event.data);
    if (one) {
      if (change.job_id === one.dataset.follow && change.version > Number(one.dataset.version)) reload();
    } else if (rowOf(change.job_id) || rows.dataset.live === "all") {
      refresh(change.job_id);
    }
  });
  let first = true;
  source.addEventListener("resync", () => {
    if (one) checkOne(one);
    else if (!first) [...rows.children].filter((row) => row.querySelector(".chip:not(.accepted)")).forEach((row) => refresh(row.id));
    first = false;
  });
  // After an answer that is no stream a browser gives up for good.
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(follow, 15000);
  });
  addEventListener("pagehide", () => source.close());
}

async function checkOne(one) {
  const answer = await fetch(`/rows/${one.dataset.follow}`, { headers: { Accept: "text/plain" } });
  if (!answer.ok) return;
  const found = (await answer.text()).match(/data-version="(\d+)"/);
  if (found && Number(found[1]) > Number(one.dataset.version)) reload();
}

let reloading = false;
function reload() {
  if (reloading) return;
  reloading = true;
  setTimeout(() => location.reload(), 150);
}

// --- Submitting ------------------------------------------------------------------------------------------------------

const form = document.getElementById("submit");

function showErrors(errors) {
  for (const name of ["url", "files"]) {
    const input = form.elements[name];
    const text = errors[name] || "";
    document.getElementById(`${name}-error`).textContent = text;
    input.closest(".field").classList.toggle("has-error", Boolean(text));
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  const first = ["url", "files"].find((name) => errors[name]);
  if (first) form.elements[first].focus();
}

async function submitForm() {
  const button = form.querySelector("button");
  button.disabled = true;
  say("Submitting");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json", "X-CSRF-Token": csrf },
    });
    if (answer.status === 401) return location.assign("/signin");
    const type = answer.headers.get("Content-Type") || "";
    if (!type.startsWith("application/json")) {
      showErrors({ files: answer.status === 413 ? "These files are too large." : "This did not work; load the page again." });
      return;
    }
    const done = await answer.json();
    showErrors(done.errors);
    done.jobs.forEach(refresh);
    if (!Object.keys(done.errors).length) {
      const known = done.jobs.length - done.created;
      say(known ? `${done.created} submitted, ${known} submitted before` : `${done.created} submitted`);
      form.reset();
      form.elements.url.focus();
    }
  } catch {
    showErrors({ url: "The service does not answer. Try again in a moment." });
  } finally {
    button.disabled = false;
  }
}

function takeDrops() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submitForm();
  });
  // The whole page accepts dropped files.
  for (const name of ["dragover", "dragenter"]) {
    addEventListener(name, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      form.classList.add("over");
    });
  }
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("over");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    if (!event.dataTransfer.files.length) return;
    form.elements.files.files = event.dataTransfer.files;
    submitForm();
  });
  form.elements.files.addEventListener("change", () => {
    if (form.elements.files.files.length) submitForm();
  });
}

// --- A record beside its pages ---------------------------------------------------------------------------------------

function boxesOf(field) {
  const all = [...document.querySelectorAll("[data-box]")];
  const exact = all.filter((box) => box.dataset.box === field);
  if (exact.length) return exact;
  // A cell whose own place is not known: its row's.
  const row = field.match(/^[a-z_]+\[\d+\]/);
  return row ? all.filter((box) => box.dataset.box === row[0] || box.dataset.box.startsWith(`${row[0]}.`)) : [];
}

function choose(field) {
  document.querySelectorAll(".chosen").forEach((each) => each.classList.remove("chosen"));
  const boxes = boxesOf(field);
  boxes.forEach((box) => box.classList.add("chosen"));
  const holder = document.querySelector(`[data-of="${CSS.escape(field)}"]`);
  if (holder) holder.classList.add("chosen");
  const scroller = document.querySelector(".pages-scroll");
  if (!boxes.length || !scroller) return;
  const box = boxes[0].getBoundingClientRect();
  const view = scroller.getBoundingClientRect();
  if (box.top < view.top + 20 || box.bottom > view.bottom - 20) {
    scroller.scrollTop += box.top - view.top - view.height / 3;
  }
}

function inputOf(field) {
  return (
    document.querySelector(`#record [data-field="${CSS.escape(field)}"]`) ||
    document.querySelector(`#record [data-field^="${CSS.escape(field)}."]`)
  );
}

function recordPage(record) {
  record.addEventListener("focusin", (event) => {
    if (event.target.dataset.field) choose(event.target.dataset.field);
  });
  document.querySelectorAll("[data-box]").forEach((box) => {
    box.addEventListener("click", (event) => {
      event.preventDefault();
      const input = inputOf(box.dataset.box);
      if (!input) return;
      input.focus();
      if (input.select && !input.disabled) input.select();
      choose(box.dataset.box);
    });
  });
  record.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#f-"]');
    const remove = event.target.closest("[data-remove]");
    const add = event.target.closest("[data-add]");
    if (link) {
      event.preventDefault();
      document.getElementById(link.hash.slice(1)).focus();
    } else if (remove) {
      removeRow(remove.closest("tr"));
    } else if (add) {
      addRow(record.querySelector(`table[data-table="${add.dataset.add}"]`));
    }
  });
  record.addEventListener("input", (event) => marked(event.target));
  const wanted = document.querySelector("[data-focus]") || document.querySelector("[autofocus]");
  if (wanted) wanted.focus();
  if (document.activeElement && document.activeElement.dataset.field) choose(document.activeElement.dataset.field);
}

function marked(input) {
  const before = input.defaultValue !== undefined ? input.defaultValue : [...input.options].find((each) => each.defaultSelected)?.value || "";
  const holder = input.closest(".field, td");
  if (holder) holder.classList.toggle("changed", input.value !== before);
}

function removeRow(row) {
  row.querySelectorAll("input, textarea").forEach((input) => (input.value = ""));
  const next = row.nextElementSibling || row.previousElementSibling;
  row.hidden = true;
  const target = next && !next.hidden ? next.querySelector("input, textarea") : row.closest(".part").querySelector("[data-add]");
  target.focus();
  say("Row removed");
}

function addRow(table) {
  const body = table.tBodies[0];
  const number = Math.max(-1, ...[...body.rows].map((row) => Number(row.dataset.row))) + 1;
  const template = document.querySelector(`template[data-row-of="${table.dataset.table}"]`);
  const row = document.importNode(template.content.querySelector("tr"), true);
  row.dataset.row = number;
  for (const input of row.querySelectorAll("input")) {
    for (const name of ["id", "name", "data-field"]) input.setAttribute(name, input.getAttribute(name).replace("ROW", number));
  }
  body.append(row);
  row.querySelector("input").focus();
}

// --- Keys ------------------------------------------------------------------------------------------------------------

function keys(event) {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  let name = null;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) name = "ctrl+enter";
  else if (event.altKey && event.code === "KeyN") name = "alt+n";
  else if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && /^[a-z]$/.test(event.key)) name = event.key;
  const target = name && document.querySelector(`[data-key="${name}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.matches("input")) target.focus();
  else target.click();
}

document.addEventListener("keydown", keys);
follow();
if (form) takeDrops();
const record = document.getElementById("record");
if (record) recordPage(record);
