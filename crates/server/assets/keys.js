// Keys: shown and hidden in place, and copied. Without this, the buttons are forms that do the same.
const said = document.getElementById("copied");
const value = (id) => document.getElementById(`value-${id}`);
const label = (id) => document.getElementById(`label-${id}`).textContent;

// The key as the server shows it to whoever may see it.
async function fetched(form) {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const shown = page.getElementById(`value-${form.dataset.show}`);
  return answer.ok && shown?.hasAttribute("data-shown") ? shown.textContent : undefined;
}

for (const form of document.querySelectorAll("form[data-show]")) {
  const id = form.dataset.show;
  const masked = value(id).textContent;
  const button = form.querySelector("button");
  const word = button.firstChild;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (value(id).hasAttribute("data-shown")) {
      value(id).removeAttribute("data-shown");
      value(id).textContent = masked;
      word.data = "Show";
      return;
    }
    const key = await fetched(form);
    // Signed too long ago, or signed out: the page itself leads on.
    if (key === undefined) return form.submit();
    value(id).textContent = key;
    value(id).setAttribute("data-shown", "");
    word.data = "Hide";
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const id = button.dataset.copy;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const form = document.querySelector(`form[data-show="${id}"]`);
    const is_masked = form && !value(id).hasAttribute("data-shown");
    const key = is_masked ? await fetched(form) : value(id).textContent;
    if (key === undefined) return form.submit();
    try {
      await navigator.clipboard.writeText(key);
      said.textContent = `Copied ${label(id)}`;
      button.firstChild.data = "Copied";
      setTimeout(() => { button.firstChild.data = "Copy"; }, 2000);
    } catch {
      said.textContent = `${label(id)} could not be copied; show it and select it`;
      said.classList.remove("visually-hidden");
    }
  });
}
