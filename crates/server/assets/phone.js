// Loads a phone again when something changed on it, and counts down. What was chosen or opened on it
// stays. Without this script a phone is as it was when its page was loaded.
const handsets = document.querySelector(".handsets");
const news = document.getElementById("phone-news");
const ends = new WeakMap();

const tick = () => {
  for (const time of document.querySelectorAll(".handset time.left")) {
    if (!ends.has(time)) ends.set(time, performance.now() + Number(time.dataset.leftMs));
    const seconds = Math.max(0, Math.ceil((ends.get(time) - performance.now()) / 1000));
    time.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
};

// A phone without what changes by itself or by hand.
const plain = (phone) => {
  const copy = phone.cloneNode(true);
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  for (const time of copy.querySelectorAll("time.left")) time.replaceWith("");
  return copy.outerHTML;
};

const requests = (phone) =>
  new Set([...phone.querySelectorAll("[data-request]")].map((it) => it.dataset.request));

const reload = async (number) => {
  const old = document.getElementById(`phone-${number}`);
  if (!old) return;
  const url = `${old.dataset.panel}&back=${encodeURIComponent(old.dataset.back)}`;
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector(".handset");
  if (!fresh || fresh.id !== old.id) return;
  const now = document.getElementById(`phone-${number}`);
  if (plain(now) === plain(fresh)) {
    // Nothing to see but the time, which a moved clock changes.
    const times = fresh.querySelectorAll("time.left");
    now.querySelectorAll("time.left").forEach((time, index) => {
      ends.set(time, performance.now() + Number(times[index].dataset.leftMs));
    });
    tick();
    return;
  }
  for (const details of now.querySelectorAll("details[open]")) {
    const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = true;
  }
  for (const chosen of now.querySelectorAll("input:checked")) {
    const same = fresh.querySelector(`#${CSS.escape(chosen.id)}`);
    if (same) same.checked = true;
  }
  const before = requests(now);
  const focus = now.contains(document.activeElement) ? document.activeElement.id : "";
  now.replaceWith(fresh);
  if (focus) document.getElementById(focus)?.focus();
  const came = [...requests(fresh)].some((it) => !before.has(it));
  if (came) news.textContent = `${news.dataset.text}: ${fresh.querySelector("h2").textContent}`;
  tick();
};

// One after the other for each phone; a change during a load asks for one more.
const busy = new Map();
const changed = async (number) => {
  if (busy.has(number)) {
    busy.set(number, true);
    return;
  }
  do {
    busy.set(number, false);
    await reload(number).catch(() => {});
  } while (busy.get(number));
  busy.delete(number);
};

if (handsets) {
  tick();
  setInterval(tick, 250);
  if (handsets.dataset.events) {
    const source = new EventSource(handsets.dataset.events);
    source.onmessage = (message) => message.data.split(",").forEach(changed);
  }
}
