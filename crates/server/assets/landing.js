// Follows a payment: shows the time that is left, and goes on when something happens to it.
// Without this script the waiting page loads itself again.
const live = document.getElementById("live");
if (live) {
  const { events, next, stage } = live.dataset;
  const left = document.getElementById("left");
  let until = performance.now() + Number(live.dataset.leftMs);

  const show = () => {
    const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const minutes = Math.floor(seconds / 60);
    left.textContent = `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
    live.classList.toggle("urgent", seconds <= 30);
  };
  const ticking = setInterval(show, 250);
  show();

  const source = new EventSource(events);
  source.onmessage = (message) => {
    const now = JSON.parse(message.data);
    until = performance.now() + now.left_ms;
    show();
    if (now.stage !== stage) {
      source.close();
      clearInterval(ticking);
      // At once, however long the next page takes.
      if (now.stage === "ended") live.textContent = live.dataset.ended;
      location.replace(next);
    }
  };
}
