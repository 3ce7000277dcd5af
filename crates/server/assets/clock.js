// Clocks go on while the page is open. Without this script they show when it was loaded.
const clocks = [...document.querySelectorAll("[data-clock]")].map((element) => ({
  element,
  ahead: Date.parse(element.dateTime) - Date.now(),
}));

const show = () => {
  for (const { element, ahead } of clocks) {
    const now = new Date(Date.now() + ahead).toISOString();
    element.dateTime = now;
    element.textContent = now.slice(0, 19).replace("T", " ");
  }
};

setInterval(show, 1000);
