// Makes the list of calls grow, and copies commands. Rows come as HTML from the server, escaped.

const MOST = 300;
const calls = document.getElementById("calls");

if (calls?.dataset.events) {
  const pause = document.getElementById("pause");
  const news = document.getElementById("news");
  let paused = false;
  let fresh = 0;
  let missed = 0;
  let telling = 0;

  // Told in sum and not for every row: this is read aloud.
  const tell = () => {
    clearTimeout(telling);
    telling = setTimeout(() => {
      const parts = [];
      if (fresh) parts.push(`${fresh} new`);
      if (missed) parts.push(`${missed} not shown`);
      if (paused && fresh) parts.push("go on to see them");
      news.textContent = parts.join(", ");
    }, 500);
  };

  const insert = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    const rows = [...template.content.querySelectorAll("tr")];
    fresh += rows.length;
    if (paused) return tell();
    document.getElementById("empty")?.remove();
    for (const old of calls.querySelectorAll(".new")) old.classList.remove("new");
    for (const row of rows.reverse()) {
      document.getElementById(row.id)?.remove();
      row.classList.add("new");
      calls.prepend(row);
    }
    while (calls.rows.length > MOST) calls.rows[calls.rows.length - 1].remove();
    tell();
  };

  const source = new EventSource(calls.dataset.events);
  source.addEventListener("rows", (event) => insert(event.data));
  source.addEventListener("missed", (event) => {
    missed += Number(event.data);
    tell();
  });
  addEventListener("pagehide", () => source.close());

  pause.hidden = false;
  pause.addEventListener("click", () => {
    if (paused) {
      // What came meanwhile is on the page when it is loaded anew.
      location.reload();
      return;
    }
    paused = true;
    fresh = 0;
    pause.textContent = "Go on";
    pause.setAttribute("aria-pressed", "true");
  });
}

for (const button of document.querySelectorAll("[data-copies]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}
